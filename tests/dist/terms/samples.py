"""Terms as Erlang writes them, their values, and their bytes: the table that the tests share."""

from typing import Any

from actorsock.dist.terms import (
    Atom,
    BitString,
    Export,
    ExternalPid,
    ExternalRef,
    Fun,
    ImproperList,
    ListKey,
    PairsMap,
    Port,
)

A = Atom

SAMPLES: list[tuple[str, Any, bytes]] = [
    ("0", 0, b"a\x00"),
    ("255", 255, b"a\xff"),
    ("256", 256, b"b\x00\x00\x01\x00"),
    ("-1", -1, b"b\xff\xff\xff\xff"),
    ("-2147483648", -(2**31), b"b\x80\x00\x00\x00"),
    ("2147483648", 2**31, b"n\x04\x00\x00\x00\x00\x80"),
    ("-18446744073709551616", -(2**64), b"n\x09\x01" + bytes(8) + b"\x01"),
    ("1 bsl 2040", 1 << 2040, b"o\x00\x00\x01\x00\x00" + bytes(255) + b"\x01"),
    ("1.5", 1.5, b"F\x3f\xf8" + bytes(6)),
    ("ok", A("ok"), b"w\x02ok"),
    ("'grün'", A("grün"), b"w\x05gr\xc3\xbcn"),
    ("true", True, b"w\x04true"),
    ("false", False, b"w\x05false"),
    ("undefined", None, b"w\x09undefined"),
    ("nil", A("nil"), b"w\x03nil"),
    ("list_to_atom(lists:duplicate(255, 8364))", A("€" * 255), b"v\x02\xfd" + "€".encode() * 255),
    ("{}", (), b"h\x00"),
    ("{1,{2}}", (1, (2,)), b"h\x02a\x01h\x01a\x02"),
    ("list_to_tuple(lists:duplicate(256, 1))", (1,) * 256, b"i\x00\x00\x01\x00" + b"a\x01" * 256),
    ("[]", [], b"j"),
    ('"abc"', [97, 98, 99], b"k\x00\x03abc"),
    ("[1,a]", [1, A("a")], b"l\x00\x00\x00\x02a\x01w\x01aj"),
    ("[1,256]", [1, 256], b"l\x00\x00\x00\x02a\x01b\x00\x00\x01\x00j"),
    ("[true]", [True], b"l\x00\x00\x00\x01w\x04truej"),
    ("[1,2|3]", ImproperList([1, 2], 3), b"l\x00\x00\x00\x02a\x01a\x02a\x03"),
    ("<<>>", b"", b"m\x00\x00\x00\x00"),
    ("<<1,2>>", b"\x01\x02", b"m\x00\x00\x00\x02\x01\x02"),
    ("<<1,5:3>>", BitString(b"\x01\xa0", 3), b"M\x00\x00\x00\x02\x03\x01\xa0"),
    ("#{}", {}, b"t\x00\x00\x00\x00"),
    ("#{a => <<1>>}", {A("a"): b"\x01"}, b"t\x00\x00\x00\x01w\x01am\x00\x00\x00\x01\x01"),
    ("#{[1,2] => 3}", {ListKey([1, 2]): 3}, b"t\x00\x00\x00\x01k\x00\x02\x01\x02a\x03"),
    (
        "#{1 => a, 1.0 => b}",
        PairsMap([(1, A("a")), (1.0, A("b"))]),
        b"t\x00\x00\x00\x02a\x01w\x01aF\x3f\xf0" + bytes(6) + b"w\x01b",
    ),
    (
        "#{#{} => 1}",
        PairsMap([({}, 1)]),
        b"t\x00\x00\x00\x01t\x00\x00\x00\x00a\x01",
    ),
    ("fun lists:map/2", Export("lists", "map", 2), b"qw\x05listsw\x03mapa\x02"),
    (
        "binary_to_term(<<131,88,119,3,97,64,98,0,0,0,7,0,0,0,1,0,0,0,9>>)",
        ExternalPid("a@b", 7, 1, 9),
        b"Xw\x03a@b\x00\x00\x00\x07\x00\x00\x00\x01\x00\x00\x00\x09",
    ),
    (
        "binary_to_term(<<131,90,0,3,119,3,97,64,98,0,0,0,9,0,0,0,1,0,0,0,2,0,0,0,3>>)",
        ExternalRef("a@b", 9, (1, 2, 3)),
        b"Z\x00\x03w\x03a@b\x00\x00\x00\x09\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03",
    ),
    (
        "binary_to_term(<<131,120,119,3,97,64,98,1:64,9:32>>)",
        Port("a@b", 1 << 0, 9),
        b"xw\x03a@b\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x09",
    ),
]
"""The Erlang expression, the value, and the bytes after the version byte."""

A_FUN = Fun("m", 1, bytes(16), 2, 3, 4, ExternalPid("a@b", 1, 2, 3), (A("x"), [1]))

OLD_FORMS: list[tuple[bytes, Any]] = [
    (b"d\x00\x02ok", A("ok")),
    (b"s\x02ok", A("ok")),
    (b"d\x00\x04gr\xfcn", A("grün")),
    (b"s\x04true", True),
    (b"v\x00\x09undefined", None),
    (b"c" + b"1.50000000000000000000e+00".ljust(31, b"\0"), 1.5),
    (b"i\x00\x00\x00\x01a\x01", (1,)),
    (b"n\x01\x00\x05", 5),
    (b"l\x00\x00\x00\x00j", []),
    (b"l\x00\x00\x00\x01a\x01k\x00\x02\x02\x03", [1, 2, 3]),
    (b"l\x00\x00\x00\x01a\x01l\x00\x00\x00\x01a\x02a\x03", ImproperList([1, 2], 3)),
    (b"M\x00\x00\x00\x01\x08\xff", b"\xff"),
    (b"M\x00\x00\x00\x01\x03\xff", BitString(b"\xe0", 3)),
    (b"gw\x01n\x00\x00\x00\x01\x00\x00\x00\x02\x03", ExternalPid("n", 1, 2, 3)),
    (b"ew\x01n\x00\x00\x00\x01\x03", ExternalRef("n", 3, (1,))),
    (b"r\x00\x02w\x01n\x03\x00\x00\x00\x01\x00\x00\x00\x02", ExternalRef("n", 3, (1, 2))),
    (b"fw\x01n\x00\x00\x00\x01\x03", Port("n", 1, 3)),
    (b"Yw\x01n\x00\x00\x00\x01\x00\x00\x00\x03", Port("n", 1, 3)),
    (b"Xw\x04true\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03", ExternalPid("true", 1, 2, 3)),
]
"""What older releases, or other programs, write for values of the table above."""
