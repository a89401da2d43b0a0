"""Many requests at a time: a collection of their refs, each with a label. OTP's `reqids`."""

from typing import Any, final

import attrs

from ...arguments import shown
from ...results import Error, Ok
from ...runtime.core.identity import Ref, check_ref

__all__ = [
    "NoRequest",
    "RequestCollection",
    "Response",
    "check_collection",
    "reqids_add",
    "reqids_new",
    "reqids_size",
    "reqids_to_list",
]


@final
class RequestCollection:
    """Requests that wait for their responses, each with a label that tells what it is about.

    Erlang's `request_id_collection()`. `reqids_new` makes one, `send_request` and `reqids_add` put
    requests into it, and `receive_response`, `wait_response` and `check_response` take it in place
    of a single ref. Erlang's functions return a new collection; these change the one that they are
    given, and return it where Erlang's do.

    Example::

        requests = otp.reqids_new()
        for shop in shops:
            otp.send_request(shop, "price", shop, requests)
        while otp.reqids_size(requests):
            match await otp.receive_response(requests, timeout=2):
                case otp.Response(Ok(price), shop): ...
                case otp.Response(Error(reason), shop): ...
                case Timeout(): ...  # the others are abandoned
    """

    __slots__ = ("labels",)

    labels: dict[Ref, Any]

    def __init__(self) -> None:
        self.labels = {}

    def __repr__(self) -> str:
        return f"RequestCollection({self.labels!r})"


@attrs.frozen
class Response:
    """The response to one request of a collection. Erlang's `{Response, Label, Collection}`."""

    result: Ok[Any] | Error[Any]
    """`Ok(value)`: the answer. `Error(reason, server)`: the server has ended before it answered."""
    label: Any
    """The label of the request."""


@attrs.frozen
class NoRequest:
    """There is no request in the collection that a response could be for. Erlang's `no_request`."""


def reqids_new() -> RequestCollection:
    """Return a new, empty collection of requests. Erlang's `gen_server:reqids_new/0`."""
    return RequestCollection()


def reqids_add(ref: Ref, label: Any, collection: RequestCollection) -> RequestCollection:
    """Put a request into a collection. Erlang's `gen_server:reqids_add/3`.

    Args:
        ref: the ref that `send_request` returned.
        label: any value.
        collection: the collection.

    Returns:
        `collection`.

    Raises:
        ValueError: the request is in the collection already.
        TypeError: `ref` is not a `Ref`, or `collection` not a `RequestCollection`.
    """
    labels = check_collection(collection).labels
    if check_ref(ref) in labels:
        raise ValueError(f"ref: {ref!r} is in the collection already")
    labels[ref] = label
    return collection


def reqids_size(collection: RequestCollection) -> int:
    """Return the number of requests in a collection. Erlang's `gen_server:reqids_size/1`.

    Args:
        collection: the collection.

    Raises:
        TypeError: `collection` is not a `RequestCollection`.
    """
    return len(check_collection(collection).labels)


def reqids_to_list(collection: RequestCollection) -> list[tuple[Ref, Any]]:
    """Return the refs in a collection, each with its label, in the order in which they were added.

    Erlang's `gen_server:reqids_to_list/1`, whose order is not defined.

    Args:
        collection: the collection.

    Raises:
        TypeError: `collection` is not a `RequestCollection`.
    """
    return list(check_collection(collection).labels.items())


def check_collection(collection: Any) -> RequestCollection:
    """Return `collection`; raise `TypeError` if it is none."""
    if type(collection) is not RequestCollection:
        raise TypeError(f"collection: expected a RequestCollection, got {shown(collection)}")
    return collection
