"""Says hello."""


def greet(name: str) -> str:
    """Return a greeting."""
    return f"hello, {name}"
