"""The search methods of this package: compositions of parts, and those that bring parts of their own, a file each."""

from .compositions import Darts, EcDarts, EDarts, EnTranNas, EnTranNasDst, PcDarts

__all__ = ["Darts", "EDarts", "EcDarts", "EnTranNas", "EnTranNasDst", "PcDarts"]
