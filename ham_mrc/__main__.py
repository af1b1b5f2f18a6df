"""`python -m ham_mrc` is the same program as the console script `ham-mrc`."""

from ham_mrc.cli.main import main

if __name__ == "__main__":
    main()
