"""What goes wrong, in one line: what, where, what was expected, what to do."""


class LesionlibError(Exception):
    """Something of ours failed; the command line ends with exit code 1."""


class InputError(LesionlibError, ValueError):
    """The user can mend it (a path, a parameter, a file, a disk); exit code 2."""
