/* What the files of the native core share: access to the attributes of Python objects without a look-up,
   and each other's functions.

   The objects are those of the Python: their classes have __slots__, and an attribute in a slot
   lies at a fixed offset. `state_prepare` and `sockets_prepare` learn the offsets when a twin is
   first used. A twin reads and writes an object in this way only after it has seen that its type
   is exactly the one that the offset belongs to.

   References. What `SLOT` reads is borrowed from the object, and whoever runs Python code may put
   something else into the slot. Python code runs in every call of a Python function, when a
   reference is dropped, and when an object that takes part in garbage collection is made. So a
   borrowed reference is used up before any of these, or made strong first.  */

#ifndef ACTORSOCK_CORE_H
#define ACTORSOCK_CORE_H

#include "state.h"

#include <structmember.h>

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall; /* `twin_call` */
    vectorcallfunc plain;      /* the function of this twin */
    PyObject *fallback;
    PyObject *module;
    State *state; /* of `module` */
} Twin;

typedef struct {
    const char *name;
    vectorcallfunc plain;
} TwinEntry;

extern const TwinEntry LIGHT_TWINS[];
extern const TwinEntry MESSAGE_TWINS[];
extern const TwinEntry MATCHING_TWINS[];
extern const TwinEntry RECEIVE_TWINS[];
extern const TwinEntry SOCKET_TWINS[];
extern const TwinEntry POLLER_TWINS[];
extern const TwinEntry ASKING_TWINS[];
extern const TwinEntry NOWAIT_TWINS[];
extern const TwinEntry CALL_TWINS[];
extern const TwinEntry CALLING_TWINS[];
extern const TwinEntry SPAWNING_TWINS[];
extern const TwinEntry OPENING_TWINS[];
extern const TwinEntry PACKET_TWINS[];
extern const TwinEntry ACTIVE_TWINS[];
extern const TwinEntry STREAM_SEND_TWINS[];
extern const TwinEntry DATAGRAM_SEND_TWINS[];
extern const TwinEntry TERM_TWINS[];
extern PyMethodDef TAKE_STEPS;
extern const TwinEntry RESULT_TWINS[];
extern PyType_Spec woken_spec;
extern PyType_Spec matcher_spec;
extern PyType_Spec receiving_spec;
extern PyType_Spec asked_spec;
extern PyType_Spec calling_spec;
extern PyType_Spec counted_numbers_spec;
extern PyType_Spec packet_numbers_spec;
extern PyType_Spec sending_spec;
extern PyType_Spec table_spec;
extern PyType_Spec class_of_values_spec;

/* --- objects ----------------------------------------------------------------------------------- */

/* The attribute in the slot at `offset`; borrowed, NULL if it is unset.  */
#define SLOT(object, offset) (*(PyObject **)((char *)(object) + (offset)))

/* Have the CPU fetch `size` bytes into its cache, while other things are done. Only a hint: `address` may
   be of anything, also NULL.  */
static inline void
prefetch(const void *address, Py_ssize_t size)
{
#if defined(__GNUC__)
    for (Py_ssize_t at = 0; at < size; at += 64) {
        __builtin_prefetch((const char *)address + at);
    }
#endif
}

/* Whether `object`, which may be NULL, is of exactly this type.  */
static inline int
is_exactly(PyObject *object, PyObject *type)
{
    return object != NULL && Py_IS_TYPE(object, (PyTypeObject *)type);
}

/* Whether `object` is a process, also a traced or a limited one: for what these do as others do. They
   differ in what is done to them, `deliver`, `end` and links.  */
static inline int
is_process(State *state, PyObject *object)
{
    return object != NULL && PyObject_TypeCheck(object, (PyTypeObject *)state->process_type);
}

/* Put `value`, of which the reference is taken over, into a slot.  */
static inline void
slot_set(PyObject *object, Py_ssize_t offset, PyObject *value)
{
    PyObject *former = SLOT(object, offset);
    SLOT(object, offset) = value;
    Py_XDECREF(former);
}

/* Put `value` into a slot that mostly has it already.  */
static inline void
slot_change(PyObject *object, Py_ssize_t offset, PyObject *value)
{
    if (SLOT(object, offset) != value) {
        slot_set(object, offset, Py_NewRef(value));
    }
}

/* What a body has spent: an instance of `Account`, from which the classes of bodies are derived.  */
typedef struct {
    PyObject_HEAD
    long long budget, floor;
} Account;

#define BUDGET(body) (((Account *)(body))->budget)
#define FLOOR(body) (((Account *)(body))->floor)

/* Read the int in a slot: 1, or 0 without an exception if it is none or a large one.  */
static inline int
slot_long(PyObject *object, Py_ssize_t offset, long *value)
{
    PyObject *number = SLOT(object, offset);
    int overflow;
    if (number == NULL || !PyLong_CheckExact(number)) {
        return 0;
    }
    /* An int of one digit is read in place, which saves a call.  */
#if PY_VERSION_HEX >= 0x030C0000
    if (PyUnstable_Long_IsCompact((PyLongObject *)number)) {
        *value = (long)PyUnstable_Long_CompactValue((PyLongObject *)number);
        return 1;
    }
#else
    Py_ssize_t digits = Py_SIZE(number);
    if (digits >= -1 && digits <= 1) {
        *value = (long)digits * (long)((PyLongObject *)number)->ob_digit[0];
        return 1;
    }
#endif
    *value = PyLong_AsLongAndOverflow(number, &overflow);
    return !overflow;
}

/* A new instance with empty slots, of a class of which `__init__` only fills them.  */
static inline PyObject *
new_instance(PyObject *type)
{
    return ((PyTypeObject *)type)->tp_alloc((PyTypeObject *)type, 0);
}

/* `__init_subclass__` of a class of C without the part that the garbage collector needs. Python gives that
   part, 16 bytes of each instance, to every class that it makes: this takes it away from a class whose
   instances are no larger than those of its base.  */
extern PyMethodDef SUBCLASS_METHODS[];

/* Put the number into a `Numbered`: 0 or -1.  */
int set_identity(PyObject *identity, PyObject *number);

/* --- calls ------------------------------------------------------------------------------------- */

/* Return `op`: the slots `am_await` and `tp_iter` of what is its own iterator.  */
PyObject *return_itself(PyObject *op);

/* Call the Python function that `self` stands for.  */
PyObject *twin_fall_back(Twin *self, PyObject *const *args, size_t nargsf, PyObject *kwnames);

/* Call a function for its effect, and drop `result`: 0, or -1 if it is NULL.  */
static inline int
done_with(PyObject *result)
{
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* Whether there is room on the stack for what the Python way needs: else that way is taken, which
   raises where it has to.  */
static inline int
has_stack(void)
{
    PyThreadState *thread = PyThreadState_Get();
#if PY_VERSION_HEX >= 0x030C0000
    return thread->py_recursion_remaining > 16;
#else
    return thread->recursion_remaining > 16;
#endif
}

/* Take the exception that is set, with its traceback; a new reference.  */
static inline PyObject *
take_exception(void)
{
    PyObject *type, *exc, *traceback;
    PyErr_Fetch(&type, &exc, &traceback);
    PyErr_NormalizeException(&type, &exc, &traceback);
    if (traceback != NULL) {
        PyException_SetTraceback(exc, traceback);
    }
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return exc;
}

/* Set `exc`, whose reference is taken over, with the traceback that it has.  */
static inline void
set_again(PyObject *exc)
{
    PyErr_Restore(Py_NewRef((PyObject *)Py_TYPE(exc)), exc, PyException_GetTraceback(exc));
}

/* Take the exception that is set, as `take_exception`. It becomes the one that is handled, as in an
   `except` block, until `end_except`, which gets `handled` back.  */
static inline PyObject *
begin_except(PyObject **handled)
{
    PyObject *exc = take_exception();
    *handled = PyErr_GetHandledException();
    PyErr_SetHandledException(exc);
    return exc;
}

static inline void
end_except(PyObject *exc, PyObject *handled)
{
    PyErr_SetHandledException(handled);
    Py_XDECREF(handled);
    Py_DECREF(exc);
}

/* --- state ------------------------------------------------------------------------------------- */

/* Import what the twins know of the Python.  0 or -1.  */
int import_runtime(State *state);
int import_otp(State *state);
int import_sockets(State *state);
int import_inet(State *state);
int import_terms(State *state);

/* The same, once.  */
static inline int
state_prepare(State *state)
{
    return state->runtime_ready ? 0 : import_runtime(state);
}

static inline int
otp_prepare(State *state)
{
    return state->otp_ready ? 0 : import_otp(state);
}

static inline int
sockets_prepare(State *state)
{
    return state->sockets_ready ? 0 : import_sockets(state);
}

static inline int
inet_prepare(State *state)
{
    return state->inet_ready ? 0 : import_inet(state);
}

static inline int
terms_prepare(State *state)
{
    return state->terms_ready ? 0 : import_terms(state);
}

/* The `Step` of this thread; a new reference.  */
PyObject *find_step(State *state);

static inline PyObject *
thread_step(State *state)
{
    if (state->step != NULL && state->step_thread == PyThreadState_Get()->id) {
        return Py_NewRef(state->step);
    }
    return find_step(state);
}

/* Whether `node` is of the runtime of this thread.  */
int compare_thread(State *state, PyObject *node);

static inline int
is_in_its_thread(State *state, PyObject *node)
{
    return (state->thread_ident != NULL && SLOT(node, state->node_thread) == state->thread_ident
            && state->step_thread == PyThreadState_Get()->id)
           || compare_thread(state, node);
}

/* The process that the runtime steps in this thread, of whatever class; a new reference. NULL without
   an exception if it steps none.  */
static inline PyObject *
stepped_process(State *state)
{
    PyObject *step = thread_step(state);
    if (step == NULL) {
        return NULL;
    }
    PyObject *process = SLOT(step, state->step_process);
    process = process == Py_None ? NULL : Py_XNewRef(process);
    Py_DECREF(step);
    return process;
}

/* --- deques ------------------------------------------------------------------------------------ */

/* Append to a deque of the exact type: 0 or -1.  */
static inline int
append_to(State *state, PyObject *deque, PyObject *object)
{
    if (state->deque_append != NULL) {
        return done_with(state->deque_append(deque, object));
    }
    PyObject *args[2] = {deque, object};
    return done_with(PyObject_Vectorcall(state->append, args, 2, NULL));
}

/* Take the oldest of a deque of the exact type, which is not empty; a new reference.  */
static inline PyObject *
pop_from_left(State *state, PyObject *deque)
{
    if (state->deque_popleft != NULL) {
        return state->deque_popleft(deque, NULL);
    }
    return PyObject_Vectorcall(state->popleft, &deque, 1, NULL);
}

/* The process of `pid`, of whatever class, if it is alive; a new reference. NULL with or without an
   exception otherwise.  */
PyObject *living_process(State *state, PyObject *pid);

/* The same, for a message of a process. It runs Python code if it drops what was found before.  */
PyObject *receiver_of(State *state, PyObject *pid);

/* Raise the StopIteration by which a coroutine returns `*result`, whose reference is given up.  */
static inline void
stop_with(PyObject **result)
{
    /* Not `PyErr_SetObject(StopIteration, result)`, which takes a tuple for arguments.  */
    PyObject *stop = PyObject_CallOneArg(PyExc_StopIteration, *result);
    if (stop != NULL) {
        PyErr_SetObject(PyExc_StopIteration, stop);
        Py_DECREF(stop);
    }
    Py_CLEAR(*result);
}

/* What the poller reports of a descriptor.  */
typedef struct {
    int read, write, ended;
} Report;

/* The arguments of `on_ready` behind the actor: 0 or -1.  */
static inline int
read_report(PyObject *const *args, Report *report)
{
    report->read = PyObject_IsTrue(args[0]);
    report->write = report->read < 0 ? -1 : PyObject_IsTrue(args[1]);
    report->ended = report->write < 0 ? -1 : PyObject_IsTrue(args[2]);
    return report->ended < 0 ? -1 : 0;
}

/* --- tables ------------------------------------------------------------------------------------ */

/* Table(); a new reference.  */
PyObject *new_table(State *state);

/* These are given an instance of exactly the type of C, which the caller holds.  */

Py_ssize_t table_size(PyObject *table);

/* The value; borrowed, NULL with or without an exception.  */
PyObject *table_find(PyObject *table, PyObject *key);

/* Put a value into the table: 0 or -1.  */
int table_set(PyObject *table, PyObject *key, PyObject *value);

/* Remove an entry and return its value, a new reference; NULL with or without an exception.  */
PyObject *table_take(PyObject *table, PyObject *key);

/* --- values ------------------------------------------------------------------------------------ */

void value_dealloc(PyObject *op);

/* Whether instances of `type` are made and freed as in `results.c`: slots, from the first word on.  */
static inline int
is_class_of_values(PyTypeObject *type)
{
    return type->tp_dealloc == value_dealloc;
}

/* A new instance with empty slots of `type`, a class in the table `KEPT_CLASSES`, in memory that was kept
   for it. The collector does not see it yet: the caller shows it, once it is filled, unless it refers to
   nothing that could lead back to it.  */
PyObject *new_kept(PyObject *type, Kept *kept);

/* Have the collector see an object of a class that it looks at; it may see it already.  */
static inline void
show_to_collector(PyObject *object)
{
    if (!PyObject_GC_IsTracked(object)) {
        PyObject_GC_Track(object);
    }
}

/* Ok(value); a new reference. That to `value` is taken over, unless there is no memory.  */
PyObject *new_ok(State *state, PyObject *value);

/* Free the memory that was kept.  */
void free_kept(State *state);

/* Drop the ints of descriptors that the poller keeps.  */
void free_descriptors(State *state);

/* --- across files ------------------------------------------------------------------------------ */

/* In these: 1 done, 0 not plain and nothing has changed, -1 an exception is set.  */

/* LightBody.wake(outcome), of a body of that type.  */
int wake_light(State *state, PyObject *body, PyObject *outcome);

/* TaskBody.wake(outcome), of a body of that type that is parked.  */
int wake_task(State *state, PyObject *body, PyObject *outcome);

/* The process that runs at this moment; a new reference, NULL without an exception if that is none, or
   not one that lives.  */
PyObject *running_process(State *state);

/* Whether `message` is delivered to `process`, which is one, as ever: nobody traces it or the sender.  */
int is_plain_receiver(State *state, PyObject *process, PyObject *message);

/* Process.deliver(message), of a process that the caller holds.  */
int deliver_plainly(State *state, PyObject *process, PyObject *message);

/* Ref(); a new reference.  */
PyObject *new_ref(State *state);

/* The wait of `process` is over, and its code runs: `calling_process` finds it sooner if it is a task. The
   caller holds both.  */
void has_resumed(State *state, PyObject *process, PyObject *body);

/* `process` ends: drop what is kept to find it sooner. The caller holds it.  */
void forget_process(State *state, PyObject *process);

/* The calling process; a task that is none yet is adopted. A new reference, NULL with an exception.  */
PyObject *calling_process(State *state);

/* test_of(pattern), if that is plain; a new reference. NULL with or without an exception otherwise.  */
PyObject *new_matcher(State *state, PyObject *pattern);

/* isinstance(message, classes): 1, 0, or -1 without an exception if `message` has a computed class. */
int is_instance(State *state, PyObject *message, PyObject *classes);

/* Whether `matcher`, the result of `new_matcher`, wants `message`: 1, 0, or -1 without an exception if
   only the Python can tell. Runs no Python code.  */
int matches_plainly(State *state, PyObject *matcher, PyObject *message);

/* deliver_call(target, pid, request); a new reference.  */
PyObject *deliver_request(State *state, PyObject *target, PyObject *pid, PyObject *request);

/* HandlerBody.wake() and the step that follows: `message`, for an idle handler, is handled now.  */
int handle_plainly(State *state, PyObject *process, PyObject *message);

/* Process.end(reason), of a light process that nobody watches; the caller holds it.  */
int end_plainly(State *state, PyObject *process, PyObject *reason);

/* Enter and leave contexts as `context.run` does; an exception that is set stays when leaving.  */
int leave_context(PyObject *context);

/* The attempts of operations: `*result`, a new reference, may be None.  */
int attempt_plainly(State *state, PyObject *actor, PyObject **result);
int send_plainly(State *state, PyObject *op, PyObject *actor, PyObject **result);
int recvfrom_plainly(State *state, PyObject *op, PyObject *actor, PyObject **result);

/* Send(data, 0); a new reference.  */
PyObject *new_send(State *state, PyObject *data);

/* The first attempt of such a send, whose operation is made only if something is left: then `*op` is a
   new reference, else NULL.  */
int send_first(State *state, PyObject *actor, PyObject *data, PyObject **op, PyObject **result);

/* ReceiveBuffer.next(): `*packet` is a new reference, or NULL if the packet is incomplete.  */
int next_packet(State *state, PyObject *buffer, PyObject **packet);

/* feed(piece) and next() of an empty buffer, if `piece` is a packet of a type that `next_packet` knows: as
   `ReceiveBuffer.pass_through` does for some.  */
int whole_packet(State *state, PyObject *buffer, PyObject *piece, PyObject **packet);

/* on_ready(read, write, ended), of an actor of gen_tcp or gen_udp that the caller holds.  */
int report_to_inet(State *state, PyObject *actor, const Report *report);

/* The same, of any of these.  */
int attempt_of(State *state, PyObject *op, PyObject *actor, PyObject **result);

/* Readiness.nothing_to_read(): 1, 0, or -1 without an exception if the case is not plain.  */
int finds_nothing(State *state, PyObject *actor);

/* Whether poll(2) does not say that there is nothing to read.  */
int may_be_readable(int fd);

/* Make the process, which receives, the current user of the lane; its Select, a new reference.  */
PyObject *select_in_lane(State *state, PyObject *pid, PyObject *lane, PyObject *handle,
                         PyObject *tag);

/* Select the current user of a lane, which was not selected before, and which the caller holds: 1 or -1.  */
int select_user(State *state, PyObject *actor, PyObject *lane, PyObject *user);

/* SocketActor.select_for, of an operation that receives; a new reference.  */
PyObject *select_plainly(State *state, PyObject *actor, PyObject *pid, PyObject *lane,
                         PyObject *handle, PyObject *tag);

/* The counters of a socket: those of bytes, others that every connection uses, and the rest.  */
#define BYTE_COUNTERS(X)                                                                          \
    X(read_byte)                                                                                  \
    X(write_byte)
#define COMMON_COUNTERS(X)                                                                        \
    X(read_tries)                                                                                 \
    X(read_pkg)                                                                                   \
    X(read_pkg_max)                                                                               \
    X(read_fails)                                                                                 \
    X(read_waits)                                                                                 \
    X(write_tries)                                                                                \
    X(write_pkg)                                                                                  \
    X(write_pkg_max)                                                                              \
    X(write_fails)                                                                                \
    X(write_waits)
#define RARE_COUNTERS(X)                                                                          \
    X(acc_tries)                                                                                  \
    X(acc_success)                                                                                \
    X(acc_waits)                                                                                  \
    X(acc_fails)                                                                                  \
    X(sendfile)                                                                                   \
    X(sendfile_tries)                                                                             \
    X(sendfile_byte)                                                                              \
    X(sendfile_pkg)                                                                               \
    X(sendfile_pkg_max)                                                                           \
    X(sendfile_fails)                                                                             \
    X(sendfile_waits)                                                                             \
    X(sendfile_max)

#define DECLARE(name) counted_##name,
typedef enum {
    BYTE_COUNTERS(DECLARE) COMMON_COUNTERS(DECLARE) RARE_COUNTERS(DECLARE)
} Counter;
#undef DECLARE
#define FIRST_COMMON_COUNTER counted_read_tries
#define FIRST_RARE_COUNTER counted_acc_tries

/* An instance of `CountedNumbers`, from which `Counters` is derived.  */
typedef struct {
    PyObject_HEAD
    long long bytes[FIRST_COMMON_COUNTER]; /* -1: in the table */
    PyObject *table;                       /* the rare ones, by name, and large numbers; or NULL */
    unsigned int common[FIRST_RARE_COUNTER - FIRST_COMMON_COUNTER]; /* UINT_MAX: in the table */
} CountedNumbers;

/* Add to a counter. One that can't be written for want of memory stays as it is: the bytes that it
   counts have been moved, and must not be lost with it.  */
void count_slowly(PyObject *counters, Counter which, Py_ssize_t amount);

static inline void
count(PyObject *counters, Counter which, Py_ssize_t amount)
{
    CountedNumbers *self = (CountedNumbers *)counters;
    if (which < FIRST_COMMON_COUNTER) {
        long long *bytes = &self->bytes[which];
        if (*bytes >= 0 && *bytes <= LLONG_MAX - amount) {
            *bytes += amount;
            return;
        }
    }
    else {
        unsigned int *number = &self->common[which - FIRST_COMMON_COUNTER];
        if (amount < (Py_ssize_t)(UINT_MAX - *number)) {
            *number += (unsigned int)amount;
            return;
        }
    }
    count_slowly(counters, which, amount);
}

/* Raise a counter of the common ones to `amount`, if it is lower.  */
void count_largest_slowly(PyObject *counters, Counter which, Py_ssize_t amount);

static inline void
count_largest(PyObject *counters, Counter which, Py_ssize_t amount)
{
    unsigned int number = ((CountedNumbers *)counters)->common[which - FIRST_COMMON_COUNTER];
    if (number == UINT_MAX || (Py_ssize_t)number < amount) {
        count_largest_slowly(counters, which, amount);
    }
}

/* What the twins of the attempts share.  */
typedef struct {
    PyObject *counters, *kind; /* borrowed */
    int fd;
} Plain;

/* Look at `actor`: 1 if it is open, with a descriptor of the usual kind.  */
int is_plain_socket(State *state, PyObject *actor, Plain *plain);

/* Receive or send in the way of the socket module of Python, without giving up the global lock.  */
int would_block(int error);
PyObject *os_error(int number);
PyObject *receive_bytes(State *state, int fd, Py_ssize_t size, int *error, void *source,
                        unsigned int *length);

#endif
