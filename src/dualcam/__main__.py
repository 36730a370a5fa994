"""``python -m dualcam`` is the command line."""

from dualcam.cli.main import run

if __name__ == "__main__":
    run()
