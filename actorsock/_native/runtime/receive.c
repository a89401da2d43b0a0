/* Receiving: the twin of `receive`.

   The Python is a coroutine. The twin returns a `Receiving` instead, which is awaited in the same way,
   and like a coroutine does nothing before that. It ends at once with a message that is there, or yields
   to the runtime once and ends with the message that has woken the process. In a task it does both in
   trio's way, by coroutines of trio (`inner`): it passes on what they yield, and shows their frames.

   Plain are receives of any message, and by a class, several classes or a ref; and of these the ones
   that find the message in front, or find nothing and wait without a time-out. For any other a
   `Receiving` awaits the coroutine of the Python (`inner` again). A process that is woken and has to
   pass over other messages first leaves these to `Mailbox.take_arrival`.  */

#include "../awaitable.h"

typedef struct {
    AWAITABLE_HEAD
    PyObject *after;             /* NULL: for ever */
    PyObject *pattern, *matcher; /* NULL: any message */
} Receiving;

/* --- the mailbox ------------------------------------------------------------------------------- */

typedef enum { NOTHING_THERE, IN_FRONT, NOT_PLAIN } There;

/* Whether no saved message can be wanted.  */
static int
has_saved_none(State *state, PyObject *mailbox, PyObject *pattern)
{
    PyObject *saved = SLOT(mailbox, state->mailbox_saved);
    if (saved == Py_None || (PyODict_CheckExact(saved) && PyODict_SIZE(saved) == 0)) {
        return 1;
    }
    if (pattern == NULL || !is_exactly(pattern, state->ref_type)) {
        return 0;
    }
    PyObject *by_ref = SLOT(mailbox, state->mailbox__by_ref);
    if (by_ref == Py_None) {
        return 1;
    }
    return by_ref != NULL && PyDict_CheckExact(by_ref) && PyDict_Contains(by_ref, pattern) == 0;
}

/* What a receive finds without passing over any message.  */
static There
look_into(State *state, PyObject *mailbox, PyObject *pattern, PyObject *matcher)
{
    PyObject *arrivals = SLOT(mailbox, state->mailbox_arrivals);
    if (!has_saved_none(state, mailbox, pattern)) {
        return NOT_PLAIN;
    }
    if (arrivals == Py_None) {
        return NOTHING_THERE;
    }
    if (!is_exactly(arrivals, state->deque_type)) {
        return NOT_PLAIN;
    }
    if (Py_SIZE(arrivals) == 0) {
        return NOTHING_THERE;
    }
    if (matcher == NULL) {
        return IN_FRONT;
    }
    PyObject *message = PySequence_GetItem(arrivals, 0);
    if (message == NULL) {
        PyErr_Clear();
        return NOT_PLAIN;
    }
    int found = matches_plainly(state, matcher, message);
    Py_DECREF(message);
    return found > 0 ? IN_FRONT : NOT_PLAIN;
}

/* Take the oldest arrival; there is one.  */
static PyObject *
take_first(State *state, PyObject *mailbox)
{
    PyObject *arrivals = Py_XNewRef(SLOT(mailbox, state->mailbox_arrivals));
    if (!is_exactly(arrivals, state->deque_type)) { /* the process has ended meanwhile */
        Py_XDECREF(arrivals);
        PyErr_SetString(PyExc_IndexError, "receive: the mailbox is gone");
        return NULL;
    }
    PyObject *message = pop_from_left(state, arrivals);
    Py_DECREF(arrivals);
    return message;
}

/* Charge what a receive by a pattern costs, and what the last one has left to be paid.  */
static int
charge_pattern(State *state, PyObject *mailbox, PyObject *body)
{
    long tested;
    BUDGET(body) -= 1;
    if (!slot_long(mailbox, state->mailbox_tested, &tested) || tested == 0) {
        return 0;
    }
    PyObject *zero = PyLong_FromLong(0);
    if (zero == NULL) {
        return -1;
    }
    BUDGET(body) -= tested;
    slot_set(mailbox, state->mailbox_tested, zero);
    return 0;
}

/* --- the current task -------------------------------------------------------------------------- */

/* Forget the task that was the current one.  */
static void
forget_task(State *state)
{
    PyObject *task = state->last_task, *code = state->last_code;
    state->last_task = state->last_code = NULL;
    Py_XDECREF(code);
    Py_XDECREF(task);
}

/* `task`, whose process lives, is the current one: it is looked at first the next time.  */
static void
remember_task(State *state, PyObject *task)
{
    state->task_thread = PyThreadState_Get()->id;
    if (state->last_task == task) {
        return;
    }
    Py_INCREF(task);
    forget_task(state);
    PyObject *code = PyObject_GetAttr(task, state->str_coro);
    if (code == NULL || !PyCoro_CheckExact(code) || state->last_task != NULL) {
        PyErr_Clear();
        Py_XDECREF(code);
        Py_DECREF(task);
        return;
    }
    state->last_task = task;
    state->last_code = code;
}

void
has_resumed(State *state, PyObject *process, PyObject *body)
{
    if (is_exactly(body, state->task_type) && SLOT(body, state->task_task) != NULL
        && SLOT(process, state->process_ending) == Py_False) {
        remember_task(state, SLOT(body, state->task_task));
    }
}

void
forget_process(State *state, PyObject *process)
{
    PyObject *body = SLOT(process, state->process_body);
    if (process == state->last_found) {
        Py_CLEAR(state->last_found);
    }
    if (process == state->found_before) {
        Py_CLEAR(state->found_before);
    }
    if (is_exactly(body, state->task_type) && SLOT(body, state->task_task) == state->last_task) {
        forget_task(state);
    }
}

/* Whether `code`, a coroutine, runs at this moment, in whatever thread: its attribute `cr_running`.  */
static int
is_running(State *state, PyObject *code)
{
    PyObject *running = state->get_running(code, NULL);
    Py_XDECREF(running);
    return running == Py_True;
}

/* trio.lowlevel.current_task(). A run of trio stays in one thread and steps one task at a time, so a task
   that is stepped in this thread is the current one. To see that takes a fraction of the time of trio's
   look-up, which goes through a thread-local.  */
static PyObject *
current_task(State *state)
{
    if (state->last_task != NULL && state->task_thread == PyThreadState_Get()->id
        && is_running(state, state->last_code)) {
        PyObject *task = Py_NewRef(state->last_task);
        PyObject *code = PyObject_GetAttr(task, state->str_coro);
        int is_its_code = code != NULL && code == state->last_code;
        Py_XDECREF(code);
        if (is_its_code) {
            return task;
        }
        /* It has got another one: greenback runs the first one in a greenlet, where it seems to run
           also while other tasks do.  */
        PyErr_Clear();
        Py_DECREF(task);
        forget_task(state);
    }
    return PyObject_CallNoArgs(state->current_task);
}

/* --- waiting ----------------------------------------------------------------------------------- */

/* The receive ends with `message`, or with an exception if that is NULL.  */
static PySendResult
ended(PyObject *message, PyObject **result)
{
    *result = message;
    return message == NULL ? PYGEN_ERROR : PYGEN_RETURN;
}

/* The coroutine of trio in which a task waits: `TaskBody.waiting`; NULL with an exception.  */
static PyObject *
wait_in_trio(State *state, PyObject *body)
{
    PyObject *abort = PyObject_GetAttr(body, state->str__abort);
    if (abort == NULL) {
        return NULL;
    }
    PyObject *waiting = PyObject_CallOneArg(state->wait_task_rescheduled, abort);
    Py_DECREF(abort);
    if (waiting != NULL) {
        FLOOR(body) = BUDGET(body) - state->task_full; /* others run meanwhile */
    }
    return waiting;
}

/* Make the process wait, at first or again: the message that has woken it was not the wanted one.  */
static PySendResult
park(Receiving *self, PyObject *mailbox, PyObject *body, PyObject **result)
{
    State *state = self->function->state;
    PyObject *waiting = NULL;
    if (is_exactly(body, state->task_type) && (waiting = wait_in_trio(state, body)) == NULL) {
        return PYGEN_ERROR;
    }
    slot_set(mailbox, state->mailbox_wanted,
             Py_NewRef(self->matcher == NULL ? state->anything : self->matcher));
    slot_set(body, state->body_parked, Py_NewRef(self->pattern == NULL ? Py_True : self->pattern));
    if (waiting != NULL) {
        return go_on_in((Awaitable *)self, waiting, WAITING, result);
    }
    self->phase = WAITING;
    *result = Py_NewRef(state->pause);
    return PYGEN_NEXT;
}

/* The process has been woken, and its wait is over.  */
static PySendResult
find_message(Receiving *self, PyObject *mailbox, PyObject *body, PyObject **result)
{
    State *state = self->function->state;
    if (self->matcher == NULL
        || look_into(state, mailbox, self->pattern, self->matcher) == IN_FRONT) {
        return ended(take_first(state, mailbox), result);
    }
    PyObject *message = PyObject_CallMethodOneArg(mailbox, state->str_take_arrival, self->matcher);
    if (message == state->nothing) {
        Py_DECREF(message);
        return park(self, mailbox, body, result);
    }
    if (message != state->paused) {
        return ended(message, result);
    }
    PyObject *search = PyObject_CallFunctionObjArgs(state->search_on, self->process, message,
                                                    self->pattern, self->matcher, NULL);
    Py_DECREF(message);
    return go_on_in((Awaitable *)self, search, SEARCHING, result);
}

/* The wait is over: by a wake, or because the process ends.  */
static PySendResult
end_wait(Receiving *self, PyObject *mailbox, PyObject *body, PyObject **result)
{
    State *state = self->function->state;
    if (SLOT(self->process, state->process_ending) != Py_False
        && done_with(PyObject_CallMethodNoArgs(body, state->str_check)) < 0) {
        return PYGEN_ERROR;
    }
    has_resumed(state, self->process, body);
    slot_set(mailbox, state->mailbox_wanted, Py_NewRef(Py_None));
    slot_set(body, state->body_outcome, Py_NewRef(Py_None));
    return find_message(self, mailbox, body, result);
}

/* Take the next step of the receive: `value` is what a search has found.  */
static PySendResult
go_on(Awaitable *op, PyObject *value, PyObject **result)
{
    Receiving *self = (Receiving *)op;
    State *state = self->function->state;
    if (self->phase == SEARCHING && value != state->nothing) {
        return ended(value, result);
    }
    Py_XDECREF(value);
    PyObject *mailbox = Py_XNewRef(SLOT(self->process, state->process_mailbox));
    PyObject *body = Py_XNewRef(SLOT(self->process, state->process_body));
    PySendResult outcome = PYGEN_ERROR;
    if (!is_exactly(mailbox, state->mailbox_type)
        || !(is_exactly(body, state->light_type) || is_exactly(body, state->task_type))) {
        PyErr_SetString(PyExc_TypeError, "receive: the process has changed its body or mailbox");
    }
    else if (self->phase == CHECKING) {
        outcome = ended(take_first(state, mailbox), result);
    }
    else if (self->phase == SEARCHING) {
        outcome = park(self, mailbox, body, result);
    }
    else {
        outcome = end_wait(self, mailbox, body, result);
    }
    Py_XDECREF(body);
    Py_XDECREF(mailbox);
    return outcome;
}

/* The process does not wait any more. Whoever ends a wait has said so to its body, but Ctrl-C may come
   while a task enters the wait.  */
static int
unwind(Awaitable *self)
{
    State *state = self->function->state;
    PyObject *body = SLOT(self->process, state->process_body);
    if (is_exactly(body, state->light_type) || is_exactly(body, state->task_type)) {
        slot_set(body, state->body_parked, Py_NewRef(Py_None));
    }
    PyObject *mailbox = SLOT(self->process, state->process_mailbox);
    if (is_exactly(mailbox, state->mailbox_type)) {
        slot_set(mailbox, state->mailbox_wanted, Py_NewRef(Py_None));
    }
    return 0;
}

/* --- the beginning ----------------------------------------------------------------------------- */

/* The process of the running task, if it lives; a new reference. NULL without an exception
   otherwise.  */
static PyObject *
process_of_task(State *state)
{
    PyObject *task = current_task(state);
    PyObject *process = NULL;
    if (task != NULL) {
        process = PyDict_GetItemWithError(state->by_task, task); /* tasks are compared in C */
        process = is_process(state, process)
                          && SLOT(process, state->process_ending) == Py_False
                      ? Py_NewRef(process)
                      : NULL;
        if (process != NULL) {
            remember_task(state, task);
        }
        Py_DECREF(task);
    }
    if (process == NULL) {
        PyErr_Clear(); /* the Python raises what the program has to see */
    }
    return process;
}

PyObject *
running_process(State *state)
{
    PyObject *process = stepped_process(state);
    if (process == NULL) {
        PyErr_Clear();
        process = process_of_task(state);
    }
    return process;
}

/* Whether `after` is a number of seconds that the Python would accept.  */
static int
are_seconds(PyObject *after)
{
    if (PyFloat_CheckExact(after)) {
        return PyFloat_AS_DOUBLE(after) >= 0;
    }
    int overflow;
    return PyLong_CheckExact(after) && PyLong_AsLongAndOverflow(after, &overflow) >= 0 && !overflow;
}

/* Whether `process`, which may be NULL, can be served here.  */
static int
is_plain(State *state, PyObject *process)
{
    if (!is_process(state, process)) {
        return 0;
    }
    PyObject *body = SLOT(process, state->process_body);
    return is_exactly(SLOT(process, state->process_mailbox), state->mailbox_type)
           && (is_exactly(body, state->light_type) || is_exactly(body, state->task_type))
           && SLOT(process, state->process_ending) == Py_False && BUDGET(body) - FLOOR(body) > 1;
}

/* Have the Python do all of it, before anything has changed.  */
static PySendResult
begin_in_python(Receiving *self, PyObject **result)
{
    State *state = self->function->state;
    PyObject *args[2] = {self->pattern == NULL ? Py_None : self->pattern,
                         self->after == NULL ? state->inf : self->after};
    return go_on_in((Awaitable *)self,
                    PyObject_Vectorcall(self->function->fallback, args, 1, state->only_after),
                    IN_PYTHON, result);
}

/* Pay for the receive; then take the message that is there, or wait.  */
static PySendResult
begin_plainly(Receiving *self, There there, PyObject *mailbox, PyObject *body, PyObject **result)
{
    State *state = self->function->state;
    int in_task = is_exactly(body, state->task_type);
    if (self->matcher == NULL) {
        BUDGET(body) -= there == IN_FRONT;
    }
    else if (charge_pattern(state, mailbox, body) < 0) {
        return PYGEN_ERROR;
    }
    if (there == NOTHING_THERE) {
        return park(self, mailbox, body, result);
    }
    return in_task ? check_cancelled((Awaitable *)self, result)
                   : ended(take_first(state, mailbox), result);
}

static PySendResult
begin(Awaitable *op, PyObject **result)
{
    Receiving *self = (Receiving *)op;
    State *state = self->function->state;
    self->process = stepped_process(state);
    if (self->process == NULL) {
        PyErr_Clear();
        self->process = process_of_task(state);
    }
    There there = NOT_PLAIN;
    if (is_plain(state, self->process)
        && (self->pattern == NULL
            || (self->matcher = new_matcher(state, self->pattern)) != NULL)) {
        there = look_into(state, SLOT(self->process, state->process_mailbox), self->pattern,
                          self->matcher);
    }
    else if (PyErr_Occurred()) {
        return PYGEN_ERROR;
    }
    if (there == NOT_PLAIN
        || (self->after != NULL && (there == NOTHING_THERE || !are_seconds(self->after)))) {
        Py_CLEAR(self->process);
        return begin_in_python(self, result);
    }
    PyObject *mailbox = Py_NewRef(SLOT(self->process, state->process_mailbox));
    PyObject *body = Py_NewRef(SLOT(self->process, state->process_body));
    PySendResult outcome = begin_plainly(self, there, mailbox, body, result);
    Py_DECREF(body);
    Py_DECREF(mailbox);
    return outcome;
}

/* --- the type ---------------------------------------------------------------------------------- */

static const Steps RECEIVING = {begin, go_on, unwind, offsetof(State, receiving_type),
                                offsetof(State, spare_receiving)};

PyType_Spec receiving_spec = {
    .name = "actorsock._native._core.Receiving",
    .basicsize = sizeof(Awaitable),
    .flags = AWAITABLE_FLAGS,
    .slots = AWAITABLE_SLOTS,
};

/* --- the twins --------------------------------------------------------------------------------- */

PyObject *
calling_process(State *state)
{
    PyObject *process = stepped_process(state);
    if (process == NULL && !PyErr_Occurred()) {
        process = process_of_task(state);
        if (process == NULL) {
            process = PyObject_CallNoArgs(state->process_of_task);
        }
    }
    return process;
}

/* The arguments of receive(pattern=None, *, after=inf); borrowed. False if the Python has to look.  */
static int
are_plain_arguments(State *state, PyObject *const *args, Py_ssize_t positional, PyObject *kwnames,
                    PyObject **pattern, PyObject **after)
{
    *pattern = positional > 0 ? args[0] : Py_None;
    *after = state->inf;
    if (kwnames == NULL) {
        return positional <= 1;
    }
    if (positional > 1 || PyTuple_GET_SIZE(kwnames) != 1
        || PyTuple_GET_ITEM(kwnames, 0) != state->str_after) {
        return 0;
    }
    *after = args[positional];
    return 1;
}

/* receive(pattern=None, *, after=inf) */
static PyObject *
receive(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (state_prepare(state) < 0) {
        return NULL;
    }
    PyObject *pattern, *after;
    if (!are_plain_arguments(state, args, PyVectorcall_NARGS(nargsf), kwnames, &pattern, &after)) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    Receiving *receiving = (Receiving *)new_awaitable(&RECEIVING, self);
    if (receiving != NULL) {
        receiving->hidden = 1;
        receiving->after = after == state->inf ? NULL : Py_NewRef(after);
        receiving->pattern = pattern == Py_None ? NULL : Py_NewRef(pattern);
    }
    return (PyObject *)receiving;
}

/* current_process() */
static PyObject *
current_process(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    if (state_prepare(self->state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 0 || kwnames != NULL) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    return calling_process(self->state);
}

/* TaskBody.spend(self, cost) */
static PyObject *
spend(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (state_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 2 && kwnames == NULL
        && is_exactly(args[0], state->task_type) && PyLong_CheckExact(args[1])) {
        int overflow;
        long cost = PyLong_AsLongAndOverflow(args[1], &overflow);
        if (!overflow && cost >= 0 && cost < BUDGET(args[0]) - FLOOR(args[0])) {
            BUDGET(args[0]) -= cost;
            return PyObject_CallNoArgs(state->checkpoint_if_cancelled);
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

const TwinEntry RECEIVE_TWINS[] = {
    {"current_process", current_process},
    {"receive", receive},
    {"TaskBody.spend", spend},
    {NULL, NULL},
};
