"""Serves the sandbox to other programs: `python -m sandbox --port 8900`."""

from __future__ import annotations

import argparse

import uvicorn

from sandbox import Options, create_app


def main() -> None:
    """Read the command line and serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8900)
    parser.add_argument("--latency", type=float, default=2.0, help="seconds an image takes")
    parser.add_argument("--sigma", type=float, default=0.0, help="spread of the latency")
    parser.add_argument("--picture", choices=["painted", "fixed"], default="painted")
    parser.add_argument("--key", default="", help="the one API key that is accepted")
    parser.add_argument("--fault", default="", help="faults of every job, joined by +")
    given = parser.parse_args()
    try:
        options = Options(
            latency=given.latency,
            sigma=given.sigma,
            picture=given.picture,
            key=given.key,
            fault=given.fault,
        )
    except ValueError as error:
        parser.error(str(error))
    uvicorn.run(create_app(options), host=given.host, port=given.port, log_level="warning")


if __name__ == "__main__":
    main()
