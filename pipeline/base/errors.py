"""The one exception whose message is written for the person who can fix it."""


class UserError(Exception):
    """An error that the user can correct: in a file, a column, a setting.

    The message names the thing, the value and the next step; commands print it without a stack trace and exit 2.
    """
