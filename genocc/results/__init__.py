"""Results of runs: as tables that are ranked (`table`, `correlation`), and one by one for reports (`run_data`)."""
