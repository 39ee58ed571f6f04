"""A second implementation of the protocol, written from docs/spec/ alone. It exists to be compared, not to be used: nothing is erased, nothing is constant-time."""
