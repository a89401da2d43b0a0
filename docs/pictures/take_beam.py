"""Take the picture of Erlang's observer: `python docs/pictures/take_beam.py`.

It runs examples/observing/shop.py as a node, and Erlang's observer on an Erlang node, on an X
server without a screen. Needs Debian's erlang-observer, xvfb and imagemagick, and h11.
"""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
NODE = "shop@127.0.0.1"
LOOKING = ROOT / "tests" / "dist" / "erlang" / "looking.erl"

SETTLED = 4.0
"""Seconds after which the list shows what has been spent since the look before."""


def start(stack: ExitStack, *command: str, **how: Any) -> subprocess.Popen[bytes]:
    program = subprocess.Popen(command, stdout=subprocess.PIPE, **how)
    stack.callback(program.wait)
    stack.callback(program.kill)
    return program


def line_of(program: subprocess.Popen[bytes]) -> str:
    assert program.stdout is not None
    return program.stdout.readline().decode().strip()


def take(folder: Path) -> None:
    subprocess.run(["erlc", "-o", folder, LOOKING], check=True)
    cookie = folder / "cookie"
    cookie.write_text(secrets.token_hex())
    cookie.chmod(0o400)
    with ExitStack() as stack:
        number = line_of(start(stack, "Xvfb", "-displayfd", "1", "-screen", "0", "850x600x24"))
        environment = {**os.environ, "DISPLAY": f":{number}", "XDG_CONFIG_HOME": str(folder)}
        start(
            stack,
            *(sys.executable, "-m", "actorsock", "run", "--name", NODE, "--observable"),
            *("--cookie-file", str(cookie), "shop:main", "inf", "0"),
            cwd=ROOT / "examples" / "observing",
        )
        time.sleep(SETTLED)
        steps = f'looking:open(\'{NODE}\'), looking:tab("Processes"), io:format("ready~n")'
        erlang = start(
            stack,
            *("erl", "-noinput", "-name", "looking@127.0.0.1", "-setcookie", cookie.read_text()),
            *("-pa", str(folder), "-eval", f"{steps}."),
            env=environment,
        )
        while line_of(erlang) != "ready":
            pass
        time.sleep(3 * SETTLED)
        picture = HERE / "beam.png"
        subprocess.run(["import", "-window", "root", picture], check=True, env=environment)
        subprocess.run(["convert", picture, "-strip", "-colors", "64", picture], check=True)


def main() -> None:
    missing = [name for name in ("erl", "Xvfb", "import", "epmd") if shutil.which(name) is None]
    if missing:
        sys.exit(f"take_beam.py: not installed: {', '.join(missing)}")
    subprocess.run(["epmd", "-daemon"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        take(Path(folder))


main()
