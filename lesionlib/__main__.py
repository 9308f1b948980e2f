"""``python -m lesionlib``: the command, where its script is not on the path."""

from lesionlib.cli import main

if __name__ == "__main__":
    main()
