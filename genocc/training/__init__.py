"""The training of derived nets, and the measuring of trained ones."""
