"""The names of groups. Any term is one, and it has to be the same term on every node.

So a name is compared by its bytes as a term, and is what an Erlang node would send for it: two
programs that mean one group may not differ in what stands for a binary or an atom.
"""

from collections.abc import Iterable
from typing import Any

import attrs

from ..node.distribution import Distribution
from ..terms.reading import Reader
from ..terms.values import Atom

__all__ = ["Group", "Names"]


@attrs.frozen
class Group:
    """The name of a group; equal to another one if both are the same term."""

    key: bytes
    name: Any = attrs.field(eq=False)


class Names:
    """Makes names of what a program calls its groups, and of what other nodes send."""

    def __init__(self, node: Distribution) -> None:
        self._writer = node.writer
        identities = node.identities
        self._reader = Reader(node.settings.none, identities.pid, identities.ref)

    def of_program(self, name: Any) -> Group:
        """Return the group that the program calls so; a str alone is an atom.

        Raises `TypeError` if it is no term.
        """
        key = self._writer.versioned(Atom(name) if type(name) is str else name)
        return Group(key, self._reader.whole(key))

    def of_node(self, name: Any) -> Group:
        """Return the group that another node calls so."""
        return Group(self._writer.versioned(name), name)

    def of_node_each(self, names: Iterable[Any]) -> list[Group]:
        """Do the same for several."""
        return [self.of_node(name) for name in names]
