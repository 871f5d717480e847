"""Latency that is predicted: from a profile of whole nets, measured once for a machine and a runtime."""
