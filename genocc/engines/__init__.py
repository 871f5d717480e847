"""Engines run independent jobs, on this machine or on others: `base` says what a job is; a file per engine."""
