"""Experiments: tables of searches and trainings as data, run on any engine, with the papers' figures beside ours."""
