"""``python -m thulium``: the command line."""

from thulium.cli.main import main

if __name__ == "__main__":
    main()
