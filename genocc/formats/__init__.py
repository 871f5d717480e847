"""Foreign genotype texts and checkpoints, one file a dialect."""
