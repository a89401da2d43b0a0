"""The observer: a program's processes and sockets, seen in a browser or a terminal while it runs.

`async with observer.serve() as observed:` opens a port of this machine, and `observed.url` is the
address to open. `actorsock run --observer MODULE:FUNCTION` does the same from the command line;
`actorsock observe` and `actorsock top` show the programs of the same user in a terminal.

- `serving`: the process that serves, and its listeners
- `web`: HTTP, which requests are let through, and how programs of the same user are found
- `questions`: the answers, as JSON
- `actions`: what may be done to the program, where that was allowed
- `page`: the files of the page; they need no build step
"""

from .serving import Observed, serve

__all__ = ["Observed", "serve"]
