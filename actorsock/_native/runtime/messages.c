/* Sending a message: the twin of `send`.  */

#include "../core.h"

int
wake_light(State *state, PyObject *body, PyObject *outcome)
{
    PyObject *passes = SLOT(body, state->light__passes);
    /* While the keeper sleeps, trio has to be told; the Python does that.  */
    PyObject *reason = SLOT(body, state->body_parked);
    if (reason == NULL || reason == Py_None || !is_exactly(passes, state->passes_type)
        || SLOT(passes, state->passes_keeper) != Py_None
        || !is_exactly(SLOT(passes, state->passes_ready), state->deque_type)) {
        return 0;
    }
    if (append_to(state, SLOT(passes, state->passes_ready), body) < 0) {
        return -1;
    }
    slot_set(body, state->body_parked, Py_NewRef(Py_None));
    slot_set(body, state->body_outcome, Py_NewRef(outcome));
    return 1;
}

/* What trio passes to a task that is woken. Its own `outcome.Value(None)`, a new one for each wake, and
   `Value.unwrap` take longer than all that the core does for a message.  */
static PyObject *
woken_unwrap(PyObject *op, PyObject *unused)
{
    Py_RETURN_NONE;
}

static PyMethodDef woken_methods[] = {
    {"unwrap", woken_unwrap, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot woken_slots[] = {
    {Py_tp_methods, woken_methods},
    {0, NULL},
};

PyType_Spec woken_spec = {
    .name = "actorsock._native._core.Woken",
    .basicsize = sizeof(PyObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = woken_slots,
};

int
wake_task(State *state, PyObject *body, PyObject *outcome)
{
    if (SLOT(body, state->task_task) == NULL || !has_stack()) {
        return 0;
    }
    /* First: a signal handler, which runs before `reschedule` does, may wake the process too.  */
    PyObject *reason = SLOT(body, state->body_parked); /* the reference moves */
    SLOT(body, state->body_parked) = Py_NewRef(Py_None);
    PyObject *task = Py_NewRef(SLOT(body, state->task_task));
    PyObject *args[2] = {task, state->woken};
    int done = done_with(PyObject_Vectorcall(state->reschedule, args, 2, NULL));
    Py_DECREF(task);
    if (done < 0) {
        slot_set(body, state->body_parked, reason);
        return -1;
    }
    Py_DECREF(reason);
    slot_set(body, state->body_outcome, Py_NewRef(outcome));
    return 1;
}

/* Drop the newest of `arrivals`, while an exception is set, which stays.  */
static void
take_back(State *state, PyObject *arrivals)
{
    PyObject *type, *exc, *traceback;
    PyErr_Fetch(&type, &exc, &traceback);
    PyObject *message = PyObject_CallMethodNoArgs(arrivals, state->str_pop);
    if (message == NULL) {
        PyErr_Clear();
    }
    PyErr_Restore(type, exc, traceback);
    Py_XDECREF(message);
}

int
deliver_plainly(State *state, PyObject *process, PyObject *message)
{
    PyObject *mailbox = SLOT(process, state->process_mailbox);
    PyObject *node = SLOT(process, state->process_node);
    if (!is_exactly(mailbox, state->mailbox_type) || !is_exactly(node, state->node_type)
        || !is_in_its_thread(state, node)) {
        return 0;
    }
    if (is_exactly(SLOT(process, state->process_body), state->handler_type)) {
        int done = handle_plainly(state, process, message);
        if (done != 0) {
            return done;
        }
    }
    PyObject *arrivals = SLOT(mailbox, state->mailbox_arrivals);
    PyObject *wanted = SLOT(mailbox, state->mailbox_wanted);
    if (!is_exactly(arrivals, state->deque_type)) {
        return 0; /* None: nothing has ever come */
    }
    if (wanted == Py_None) {
        return append_to(state, arrivals, message) < 0 ? -1 : 1;
    }
    if (wanted != state->anything) {
        int matches = is_exactly(wanted, state->matcher_type)
                          ? matches_plainly(state, wanted, message)
                          : -1;
        if (matches <= 0) {
            return matches < 0 ? 0 : append_to(state, arrivals, message) < 0 ? -1 : 1;
        }
    }
    PyObject *body = SLOT(process, state->process_body);
    if (body == NULL || SLOT(body, state->body_parked) == Py_None) {
        return 0;
    }
    int is_task = is_exactly(body, state->task_type);
    if (!is_task && !is_exactly(body, state->light_type)) {
        return 0;
    }
    Py_INCREF(arrivals);
    Py_INCREF(wanted);
    Py_INCREF(mailbox);
    Py_INCREF(body);
    /* The message first, as in the Python: the process may be ready only if it finds it.  */
    int woken = -1;
    if (append_to(state, arrivals, message) == 0) {
        slot_set(mailbox, state->mailbox_wanted, Py_NewRef(Py_None));
        woken = is_task ? wake_task(state, body, Py_None) : wake_light(state, body, Py_None);
        if (woken <= 0) {
            slot_set(mailbox, state->mailbox_wanted, Py_NewRef(wanted));
            take_back(state, arrivals);
        }
    }
    Py_DECREF(body);
    Py_DECREF(mailbox);
    Py_DECREF(wanted);
    Py_DECREF(arrivals);
    return woken;
}

/* Whether the class of `process` is that of processes that are not traced, while others are that may send
   to it.  */
static int
is_merely_seen(State *state, PyObject *process)
{
    PyObject *node = SLOT(process, state->process_node);
    return is_exactly(node, state->node_type) && is_exactly(process, SLOT(node, state->node_seen));
}

int
is_plain_receiver(State *state, PyObject *process, PyObject *message)
{
    if (is_exactly(process, state->process_type)) {
        return 1;
    }
    /* An Exit or Down names its sender, whoever passes it on.  */
    if (!is_merely_seen(state, process)
        || is_exactly(message, state->exit_type) || is_exactly(message, state->down_type)) {
        return 0;
    }
    if (is_exactly(message, state->select_message_type)) {
        return 1; /* from a socket */
    }
    PyObject *sender = running_process(state);
    if (sender == NULL) {
        return 0;
    }
    int plain = is_merely_seen(state, sender);
    Py_DECREF(sender);
    return plain;
}

/* Whether `found`, a process that was alive once, still is and has this pid. One that ends is looked up.  */
static inline int
is_still(State *state, PyObject *found, PyObject *pid)
{
    return found != NULL && SLOT(found, state->process_pid) == pid
           && SLOT(found, state->process_ending) == Py_False;
}

/* Two processes that talk to each other, and to nobody else for a while, need no look-up.  */
PyObject *
receiver_of(State *state, PyObject *pid)
{
    if (is_still(state, state->last_found, pid)) {
        return Py_NewRef(state->last_found);
    }
    if (is_still(state, state->found_before, pid)) {
        return Py_NewRef(state->found_before);
    }
    PyObject *process = living_process(state, pid);
    if (process != NULL) {
        PyObject *dropped = state->found_before;
        state->found_before = state->last_found; /* the reference moves */
        state->last_found = Py_NewRef(process);
        Py_XDECREF(dropped);
    }
    return process;
}

/* send(dest, message) */
static PyObject *
send_message(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (state_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 2 && kwnames == NULL) {
        PyObject *process = receiver_of(state, args[0]);
        if (process != NULL) {
            int done = is_plain_receiver(state, process, args[1])
                           ? deliver_plainly(state, process, args[1])
                           : 0;
            Py_DECREF(process);
            if (done != 0) {
                return done < 0 ? NULL : Py_NewRef(args[1]);
            }
        }
        else if (PyErr_Occurred()) {
            return NULL;
        }
    }
    /* Not by a call of `deliver` from here: the frame of the Python `send` keeps Ctrl-C out of it.  */
    return twin_fall_back(self, args, nargsf, kwnames);
}

/* Process.deliver(self, message) */
static PyObject *
deliver(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (state_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 2 && kwnames == NULL && is_process(state, args[0])) {
        int done = deliver_plainly(state, args[0], args[1]);
        if (done != 0) {
            return done < 0 ? NULL : Py_NewRef(Py_None);
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

const TwinEntry MESSAGE_TWINS[] = {
    {"Process.deliver", deliver},
    {"send", send_message},
    {NULL, NULL},
};
