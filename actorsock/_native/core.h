/* What the files of the native core share: the state of the module, and access to the attributes of
   Python objects without a look-up.

   The objects are those of the Python: their classes have __slots__, and an attribute in a slot
   lies at a fixed offset. `slots_resolve` learns the offsets when a twin is first used. A twin
   reads and writes an object in this way only after it has seen that its type is exactly the one
   that the offset belongs to.  */

#ifndef ACTORSOCK_CORE_H
#define ACTORSOCK_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

/* Objects that the module keeps: X(name).  */
#define STATE_OBJECTS(X)                                                                          \
    X(twin_type)                                                                                  \
    X(pid_type)                                                                                   \
    X(process_type)                                                                               \
    X(mailbox_type)                                                                               \
    X(light_type)                                                                                 \
    X(deque_type)                                                                                 \
    X(alive)                                                                                      \
    X(anything)                                                                                   \
    X(pause)                                                                                      \
    X(local)                                                                                      \
    X(step)                                                                                       \
    X(step_type)                                                                                  \
    X(append)                                                                                     \
    X(popleft)                                                                                    \
    X(passes_type)                                                                                \
    X(light_budget)                                                                               \
    X(next_message_type)                                                                          \
    X(str_check)                                                                                  \
    X(str_begin)                                                                                  \
    X(str_end)                                                                                    \
    X(str_end_with)                                                                               \
    X(str_throw_misuse)                                                                           \
    X(str_appendleft)                                                                             \
    X(str_normal)                                                                                 \
    X(str_step)                                                                                   \
    X(str_process)

typedef struct {
    int ready; /* the objects and offsets below are there */
#define DECLARE(name) PyObject *name;
    STATE_OBJECTS(DECLARE)
#undef DECLARE
    /* Offsets of slots.  */
    Py_ssize_t process_body, process_mailbox, process_node;
    Py_ssize_t mailbox_arrivals, mailbox_wanted;
    Py_ssize_t body_parked, body_outcome, body_budget;
    Py_ssize_t light_passes, light_process, light_resume, light_context;
    Py_ssize_t process_ending, mailbox_saved, light_coroutine, passes_keeper, passes_ready;
    long light_budget_value;
    uint64_t step_thread; /* whose `step` is: the look-up in a thread-local costs 40 ns */
    Py_ssize_t step_process;
} State;

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    PyObject *fallback;
    PyObject *module;
    State *state; /* of `module` */
} Twin;

typedef struct {
    const char *name;
    vectorcallfunc vectorcall;
} TwinEntry;

extern const TwinEntry LIGHT_TWINS[];
extern const TwinEntry MESSAGE_TWINS[];
extern const TwinEntry RECEIVE_TWINS[];
extern PyType_Spec next_message_spec;

/* The attribute in the slot at `offset`; borrowed, NULL if it is unset.  */
#define SLOT(object, offset) (*(PyObject **)((char *)(object) + (offset)))

/* Put `value`, of which the reference is taken over, into a slot.  */
static inline void
slot_set(PyObject *object, Py_ssize_t offset, PyObject *value)
{
    PyObject *former = SLOT(object, offset);
    SLOT(object, offset) = value;
    Py_XDECREF(former);
}

/* Call the Python function that `self` stands for.  */
PyObject *twin_fall_back(Twin *self, PyObject *const *args, size_t nargsf, PyObject *kwnames);

/* Whether a trace or profile function is set: then everything goes the Python way.  */
static inline int
is_observed(void)
{
    PyThreadState *thread = PyThreadState_Get();
    return thread->c_tracefunc != NULL || thread->c_profilefunc != NULL;
}

/* See `messages.c`.  */
int wake_light(State *state, PyObject *body);
int deliver_plainly(State *state, PyObject *process, PyObject *message);

/* The process that the runtime steps in this thread, if it is plain; borrowed. NULL with or without an
   exception otherwise.  */
PyObject *stepped_process(State *state);

/* The `Step` of this thread; borrowed.  */
PyObject *thread_step(State *state);

/* Import what the twins know of the Python, once.  0 or -1.  */
int state_prepare(State *state);

#endif
