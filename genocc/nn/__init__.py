"""Primitive graphs as PyTorch modules: the tables of emitters, nets that train or infer, weights of other programs."""
