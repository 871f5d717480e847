"""`genocc bench`: one net on all backends that can run it, timed side by side."""
