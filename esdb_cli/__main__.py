"""`python -m esdb_cli` is `esdb`."""

from esdb_cli.main import main

if __name__ == "__main__":
    main()
