"""Errors that are told to a person in one sentence, without a traceback."""


class CompendiumError(Exception):
    """A mistake that its maker can mend: the message says what, where and what is allowed."""

    def _render_traceback_(self) -> list[str]:
        # IPython shows these lines instead of a traceback.
        return [f"{type(self).__name__}: {self}"]


class DataError(CompendiumError):
    """A table or row that cannot be used: names file, row and column."""


class ParameterError(CompendiumError):
    """A parameter that is unknown, of the wrong type or out of bounds."""


class NotebookError(CompendiumError):
    """A notebook or named run that does not exist, or a notebook that is malformed."""


class CellError(CompendiumError):
    """A notebook whose cell failed while it ran."""
