"""Topologies, ranked by training a net for each (eDARTS III-B, IV-D): `ranking` is the way in, `shipped` a result."""
