"""What the facade of a package does with what it re-exports."""

from typing import Any

__all__ = ["own"]


def own(facade: dict[str, Any]) -> None:
    """Let the functions and classes of a facade's `__all__` bear its name, in tracebacks, pickles and help.

    >>> from initlib import networks
    >>> networks.Network.__module__
    'initlib.networks'
    """
    name = facade["__name__"]
    for public in facade["__all__"]:
        value = facade.get(public)
        if callable(value) and getattr(value, "__module__", "").startswith(f"{name}."):
            value.__module__ = name
