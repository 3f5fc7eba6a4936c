"""The exceptions of dcodec. Wrong arguments raise ValueError and TypeError as elsewhere."""


class Error(Exception):
    """Base of the exceptions of dcodec."""


class FormatError(Error, ValueError):
    """The bytes are not a .dfc file, or break the specification.

    `offset` is the place in bytes, `part` the name of the part of the file, `clause` the clause of
    the specification that states the rule.
    """

    def __init__(self, message: str, offset: int = 0, part: str = "", clause: str = "") -> None:
        super().__init__(message, offset, part, clause)
        self.offset = offset
        self.part = part
        self.clause = clause

    def __str__(self) -> str:
        return str(self.args[0])


class UnsupportedError(Error):
    """A valid file or picture that this build cannot take."""


class WrongPriorError(UnsupportedError):
    """The file was made with another prior than the one given."""


class LimitError(Error):
    """The picture or the work is over a limit that the caller may raise."""


class BackendError(Error):
    """The weights of a prior, or the network, failed."""
