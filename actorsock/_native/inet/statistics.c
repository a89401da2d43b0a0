/* The class `PacketNumbers`.  */

#include "statistics.h"

#include <stddef.h>

static PyMemberDef numbers_members[] = {
#define MEMBER(name) {#name, T_LONGLONG, offsetof(PacketNumbers, name), 0, NULL},
    PACKET_NUMBERS(MEMBER)
#undef MEMBER
    {"deviations", T_DOUBLE, offsetof(PacketNumbers, deviations), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot numbers_slots[] = {
    {Py_tp_members, numbers_members},
    {Py_tp_methods, SUBCLASS_METHODS},
    {0, NULL},
};

/* Without the part that the garbage collector needs: numbers refer to nothing.  */
PyType_Spec packet_numbers_spec = {
    .name = "actorsock._native._core.PacketNumbers",
    .basicsize = sizeof(PacketNumbers),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = numbers_slots,
};
