/* From readiness to the waiting process: the twins of `EpollPoller._drain`, `Readiness.on_ready` and
   `SocketActor.resume`.  */

#include "../core.h"

#ifdef __linux__
#include <sys/epoll.h>
#endif

/* --- resuming the current user ----------------------------------------------------------------- */

/* SelectMessage(socket_object, tag, handle) */
static PyObject *
new_select_message(State *state, PyObject *socket, PyObject *tag, PyObject *handle)
{
    PyObject *message = new_kept(state->select_message_type, &state->kept_select_message);
    if (message != NULL) {
        SLOT(message, state->select_message_socket) = Py_NewRef(socket);
        SLOT(message, state->select_message_tag) = Py_NewRef(tag);
        SLOT(message, state->select_message_ref) = Py_NewRef(handle);
        show_to_collector(message); /* from the socket much can be reached */
    }
    return message;
}

/* body.wake(outcome), of a body that is parked: 1, 0 or -1.  */
static int
wake_body(State *state, PyObject *body, PyObject *outcome)
{
    if (is_exactly(body, state->light_type)) {
        return wake_light(state, body, outcome);
    }
    return is_exactly(body, state->task_type) && SLOT(body, state->body_parked) != Py_None
               ? wake_task(state, body, outcome)
               : 0;
}

/* Wake the blocking caller `pid` with SendSelect(user): 1, 0 or -1.  */
static int
wake_selected(State *state, PyObject *pid, PyObject *user)
{
    PyObject *process = living_process(state, pid);
    if (process == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *body = Py_XNewRef(SLOT(process, state->process_body));
    int done = 0;
    if (body != NULL) {
        PyObject *select = new_instance(state->send_select_type);
        if (select == NULL) {
            done = -1;
        }
        else {
            SLOT(select, state->send_select_user) = Py_NewRef(user);
            done = wake_body(state, body, select);
            Py_DECREF(select);
        }
    }
    Py_XDECREF(body);
    Py_DECREF(process);
    return done;
}

int
select_user(State *state, PyObject *actor, PyObject *lane, PyObject *user)
{
    PyObject *pid = Py_XNewRef(SLOT(user, state->user_pid));
    PyObject *tag = Py_XNewRef(SLOT(user, state->user_tag));
    PyObject *handle = Py_XNewRef(SLOT(user, state->user_handle));
    PyObject *socket = Py_XNewRef(SLOT(actor, state->actor_socket_object));
    PyObject *process = NULL, *message = NULL;
    int done = 0;
    if (pid != NULL && tag != NULL && socket != NULL && handle != NULL && handle != Py_None) {
        process = living_process(state, pid);
        if (process == NULL && PyErr_Occurred()) {
            done = -1;
        }
    }
    if (process != NULL) {
        message = new_select_message(state, socket, tag, handle);
        if (message == NULL) {
            done = -1;
        }
        else {
            slot_set(lane, state->lane_selected, Py_NewRef(Py_True));
            done = is_plain_receiver(state, process, message)
                       ? deliver_plainly(state, process, message)
                       : 0;
            if (done == 0) {
                done = done_with(PyObject_CallMethodOneArg(process, state->str_deliver, message));
                done = done < 0 ? -1 : 1;
            }
        }
    }
    else if (done == 0) {
        /* A blocking caller, or a process that has ended.  */
        slot_set(lane, state->lane_selected, Py_NewRef(Py_True));
        done = handle == Py_None && pid != NULL ? wake_selected(state, pid, user) : 0;
        if (done == 0) {
            done = done_with(PyObject_CallMethodOneArg(actor, state->str__notify, user));
            done = done < 0 ? -1 : 1;
        }
    }
    Py_XDECREF(message);
    Py_XDECREF(process);
    Py_XDECREF(socket);
    Py_XDECREF(handle);
    Py_XDECREF(tag);
    Py_XDECREF(pid);
    return done;
}

/* An attempt has found nothing: wait on.  */
static int
wait_on(State *state, PyObject *actor, PyObject *lane)
{
    PyObject *name = Py_XNewRef(SLOT(lane, state->lane_name));
    PyObject *poller = Py_XNewRef(SLOT(actor, state->actor_poller));
    int done = -1;
    if (name == NULL || poller == NULL) {
        PyErr_SetString(PyExc_AttributeError, "a lane without name, or an actor without poller");
    }
    else if (SLOT(actor, state->actor_watched) == Py_True
             || done_with(PyObject_CallMethodOneArg(actor, state->str_ensure_watched, name)) == 0) {
        done = done_with(
            PyObject_CallMethodObjArgs(poller, state->str_spurious_wakeup, actor, name, NULL));
    }
    Py_XDECREF(poller);
    Py_XDECREF(name);
    return done;
}

/* The attempt has raised: the caller is selected, and makes it again where the call is.  */
static int
let_it_be_raised(State *state, PyObject *actor, PyObject *lane)
{
    if (!PyErr_ExceptionMatches(PyExc_Exception)) {
        return -1;
    }
    PyErr_Clear();
    PyObject *decisions = PyObject_CallMethodNoArgs(lane, state->str_ready);
    if (decisions == NULL) {
        return -1;
    }
    int done = done_with(PyObject_CallMethodOneArg(actor, state->str_carry_out, decisions));
    Py_DECREF(decisions);
    return done;
}

/* Make the attempt of a process that waits, and wake it with the result: 1, 0, -1.  */
static int
serve_waiting(State *state, PyObject *actor, PyObject *lane, PyObject *op, PyObject *process,
              PyObject *body)
{
    PyObject *result;
    if (is_exactly(body, state->light_type)) { /* for the step, while the kernel works */
        prefetch(SLOT(body, state->light__coroutine), 256);
        prefetch(SLOT(body, state->light_context), 64);
    }
    int done = attempt_of(state, op, actor, &result);
    if (done < 0) {
        return let_it_be_raised(state, actor, lane) < 0 ? -1 : 1;
    }
    if (done == 0) {
        return 0;
    }
    if (result == Py_None) {
        done = wait_on(state, actor, lane) < 0 ? -1 : 1;
    }
    else {
        done = wake_body(state, body, result);
        if (done == 0) {
            done = done_with(PyObject_CallMethodOneArg(body, state->str_wake, result));
            done = done < 0 ? -1 : 1;
        }
    }
    Py_DECREF(result);
    return done;
}

/* The process of a user that waits, if it is alive; a new reference. NULL with or without an exception
   otherwise.  */
static PyObject *
process_of(State *state, PyObject *user)
{
    PyObject *process = SLOT(user, state->user_process);
    if (is_process(state, process) && SLOT(process, state->process_ending) == Py_False
        && SLOT(process, state->process_pid) == SLOT(user, state->user_pid)) {
        return Py_NewRef(process);
    }
    return living_process(state, SLOT(user, state->user_pid));
}

/* SocketActor.resume(lane, user): 1 done, 0 not plain, -1.  The caller holds all of them.  */
static int
resume_plainly(State *state, PyObject *actor, PyObject *lane, PyObject *user)
{
    if (!is_exactly(actor, state->actor_type) || !is_exactly(lane, state->lane_type)
        || !is_exactly(user, state->user_type)
        || SLOT(lane, state->lane_selected) != Py_False) {
        return 0;
    }
    PyObject *op = SLOT(user, state->user_op); /* `user` is held, and keeps its operation */
    if (op == Py_None) {
        return SLOT(lane, state->lane_current) == user ? select_user(state, actor, lane, user) : 0;
    }
    if (!is_exactly(op, state->what_is_there_type) && !is_exactly(op, state->send_type)) {
        return 0;
    }
    PyObject *process = process_of(state, user);
    if (process == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *body = Py_XNewRef(SLOT(process, state->process_body));
    int done = 0;
    if (body != NULL) {
        int is_plain = is_exactly(body, state->light_type) || is_exactly(body, state->task_type);
        PyObject *parked = is_plain
                               ? Py_XNewRef(SLOT(body, state->body_parked))
                               : PyObject_GetAttr(body, state->str_parked);
        if (parked == NULL) {
            done = PyErr_Occurred() ? -1 : 0;
        }
        else if (parked == Py_None) {
            done = 1; /* it has a result or its call unwinds: it passes the turn on when it runs */
        }
        else {
            done = serve_waiting(state, actor, lane, op, process, body);
        }
        Py_XDECREF(parked);
    }
    Py_XDECREF(body);
    Py_DECREF(process);
    return done;
}

/* SocketActor.resume(self, lane, user) */
static PyObject *
resume(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    if (sockets_prepare(self->state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 3 && kwnames == NULL) {
        int done = resume_plainly(self->state, args[0], args[1], args[2]);
        if (done != 0) {
            return done < 0 ? NULL : Py_NewRef(Py_None);
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

/* --- reports ----------------------------------------------------------------------------------- */

/* Report to one lane: the slot of its flag, and its slot in the turns.  */
static int
report(State *state, PyObject *actor, Py_ssize_t flag, Py_ssize_t place)
{
    slot_change(actor, flag, Py_False);
    PyObject *turns = SLOT(actor, state->actor_turns);
    if (!is_exactly(turns, state->turns_type)) {
        PyErr_SetString(PyExc_TypeError, "an actor without turns");
        return -1;
    }
    PyObject *lane = SLOT(turns, place);
    if (!is_exactly(lane, state->lane_type)) {
        PyErr_SetString(PyExc_TypeError, "turns without a lane");
        return -1;
    }
    PyObject *user = SLOT(lane, state->lane_current);
    if (user == NULL || user == Py_None) {
        return 0;
    }
    Py_INCREF(lane);
    Py_INCREF(user);
    int done = resume_plainly(state, actor, lane, user);
    if (done == 0) {
        done = done_with(
            PyObject_CallMethodObjArgs(actor, state->str_resume, lane, user, NULL));
    }
    Py_DECREF(user);
    Py_DECREF(lane);
    return done < 0 ? -1 : 0;
}

/* Readiness.on_ready(read, write, ended), of an actor that the caller holds.  */
static int
report_to(State *state, PyObject *actor, int read, int write, int ended)
{
    if (ended) {
        slot_change(actor, state->actor_saw_end, Py_True);
    }
    if (read && report(state, actor, state->actor_read_would_block, state->turns_read) < 0) {
        return -1;
    }
    if (write && report(state, actor, state->actor_write_would_block, state->turns_write) < 0) {
        return -1;
    }
    return 0;
}

/* Readiness.on_ready(self, read, write, ended) */
static PyObject *
on_ready(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (sockets_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 4 || kwnames != NULL
        || !is_exactly(args[0], state->actor_type)) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    Report asked;
    if (read_report(args + 1, &asked) < 0
        || report_to(state, args[0], asked.read, asked.write, asked.ended) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* --- epoll ------------------------------------------------------------------------------------- */

#ifdef __linux__

/* As in `core.epoll_poller`.  */
#define FOR_READERS (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)
#define FOR_WRITERS (EPOLLOUT | EPOLLHUP | EPOLLERR)
#define ENDED (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI)

#define LARGEST_BATCH 256

/* Of so many descriptors the ints are kept.  */
#define MOST_DESCRIPTORS 65536

/* The descriptor of the epoll object of `poller`; -1 without an exception if it is not plain.  */
static int
epoll_descriptor(State *state, PyObject *poller)
{
    int fd = -1;
    PyObject *epoll = PyObject_GetAttr(poller, state->str__epoll);
    PyObject *poll = PyObject_GetAttr(poller, state->str__poll);
    if (is_exactly(epoll, state->epoll_type) && poll != NULL && PyCFunction_Check(poll)
        && PyCFunction_GET_SELF(poll) == epoll) {
        PyObject *number = PyObject_CallMethodNoArgs(epoll, state->str_fileno);
        if (number != NULL) {
            fd = (int)PyLong_AsLong(number);
            Py_DECREF(number);
        }
    }
    Py_XDECREF(poll);
    Py_XDECREF(epoll);
    PyErr_Clear(); /* the Python will meet it again */
    return fd;
}

/* The actor of a descriptor; a new reference, NULL with or without an exception if there is none.  */
static PyObject *
actor_at(State *state, PyObject *table, int descriptor)
{
    PyObject *fd = descriptor < state->number_of_descriptors ? state->descriptors[descriptor] : NULL;
    fd = fd != NULL ? Py_NewRef(fd) : PyLong_FromLong(descriptor);
    if (fd == NULL) {
        return NULL;
    }
    PyObject *actor = Py_XNewRef(PyDict_GetItemWithError(table, fd));
    Py_DECREF(fd);
    return actor;
}

/* Keep the int that the actor has for its descriptor, with which it was put into the table: a look-up with
   the same object is the fastest.  */
static void
keep_descriptor(State *state, PyObject *actor, int descriptor)
{
    long fd;
    if (!slot_long(actor, state->actor_fd, &fd) || fd != descriptor) {
        return; /* it is closed, say */
    }
    int size = state->number_of_descriptors;
    if (descriptor >= size) {
        int room = descriptor + descriptor / 2 + 64;
        PyObject **larger = PyMem_Realloc(state->descriptors, (size_t)room * sizeof *larger);
        if (larger == NULL) {
            return;
        }
        memset(larger + size, 0, (size_t)(room - size) * sizeof *larger);
        state->descriptors = larger;
        state->number_of_descriptors = room;
    }
    Py_XSETREF(state->descriptors[descriptor], Py_NewRef(SLOT(actor, state->actor_fd)));
}

/* Deliver one event to its actor, which the caller holds.  */
static int
deliver_event(State *state, PyObject *actor, const struct epoll_event *event)
{
    int read = (int)(event->events & FOR_READERS), write = (int)(event->events & FOR_WRITERS);
    int ended = (int)(event->events & ENDED), done;
    if (is_exactly(actor, state->actor_type)) {
        int fd = event->data.fd;
        if (fd < MOST_DESCRIPTORS
            && (fd >= state->number_of_descriptors
                || state->descriptors[fd] != SLOT(actor, state->actor_fd))) {
            keep_descriptor(state, actor, fd);
        }
        return report_to(state, actor, read, write, ended);
    }
    done = report_to_inet(state, actor, &(const Report){read, write, ended});
    if (done == 0) {
        done = done_with(PyObject_CallMethod(actor, "on_ready", "iii", read, write, ended));
    }
    return done < 0 ? -1 : 0;
}

/* The actors of some of the events of a batch; a reference each, or NULL.  */
#define AT_ONCE 16
typedef struct {
    int count;
    PyObject *actors[AT_ONCE];
} Some;

/* Look up the actors of events: 0 or -1.  */
static int
find_actors(State *state, PyObject *table, const struct epoll_event *events, int count,
            Some *some)
{
    for (some->count = 0; some->count < count; some->count++) {
        PyObject *actor = actor_at(state, table, events[some->count].data.fd);
        if (actor == NULL && PyErr_Occurred()) {
            return -1;
        }
        some->actors[some->count] = actor;
        if (actor != NULL) {
            prefetch(actor, 256);
        }
    }
    return 0;
}

/* Replace each object, if it is of that class, by the one in a slot of it, of which the first `size` bytes
   are fetched. All are borrowed.  */
static inline void
fetch_next(PyObject **objects, int count, PyObject *type, Py_ssize_t offset, Py_ssize_t size)
{
    for (int i = 0; i < count; i++) {
        objects[i] = is_exactly(objects[i], type) ? SLOT(objects[i], offset) : NULL;
        if (objects[i] != NULL) {
            prefetch(objects[i], size);
        }
    }
}

/* Have the CPU fetch what a report to each actor needs. The objects of some hundred connections do not fit
   in its cache, and each is found by a pointer in the one before; so they are asked for in rounds, in which
   it waits for those of all actors at the same time. Runs no Python code.  */
static void
fetch_ahead(State *state, const Some *some)
{
    PyObject *next[AT_ONCE];
    for (int i = 0; i < some->count; i++) {
        PyObject *actor = next[i] = some->actors[i];
        if (is_exactly(actor, state->actor_type)) {
            prefetch(SLOT(actor, state->actor_counters), sizeof(CountedNumbers));
            prefetch(SLOT(actor, state->actor_fd), 1);
            prefetch(SLOT(actor, state->actor_sock), 1);
        }
    }
    fetch_next(next, some->count, state->actor_type, state->actor_turns, 1);
    fetch_next(next, some->count, state->turns_type, state->turns_read, 64);
    fetch_next(next, some->count, state->lane_type, state->lane_current, 64);
    fetch_next(next, some->count, state->user_type, state->user_process, 160);
    fetch_next(next, some->count, state->process_type, state->process_body, 128);
}

/* Deliver some events: 0 or -1. Meanwhile entries are only removed from the table, since new ones are kept
   apart. So it is as it was as long as it has its size; then actors are looked up again.  */
static int
deliver_some(State *state, PyObject *table, const struct epoll_event *events, int count)
{
    Some some;
    Py_ssize_t size = PyDict_GET_SIZE(table);
    int done = find_actors(state, table, events, count, &some);
    if (done == 0) {
        fetch_ahead(state, &some);
    }
    for (int i = 0; i < some.count; i++) {
        PyObject *actor = some.actors[i];
        if (done == 0 && PyDict_GET_SIZE(table) != size) {
            Py_XDECREF(actor);
            actor = actor_at(state, table, events[i].data.fd);
            done = actor == NULL && PyErr_Occurred() ? -1 : 0;
        }
        if (done == 0 && actor != NULL) {
            done = deliver_event(state, actor, &events[i]);
        }
        Py_XDECREF(actor);
    }
    return done;
}

/* The `finally` of the Python: entries that are new join the others. An exception stays set.  */
static int
end_batch(State *state, PyObject *poller, PyObject *actors)
{
    PyObject *type, *exc, *traceback;
    PyErr_Fetch(&type, &exc, &traceback);
    PyObject *added = NULL;
    int done = PyObject_SetAttr(poller, state->str__draining, Py_False);
    if (done == 0) {
        added = PyObject_GetAttr(poller, state->str__new);
        done = added == NULL ? -1 : 0;
    }
    if (done == 0 && PyDict_Check(added) && PyDict_GET_SIZE(added) > 0) {
        done = PyDict_Update(actors, added);
        PyDict_Clear(added);
    }
    Py_XDECREF(added);
    if (type != NULL) {
        PyErr_Restore(type, exc, traceback);
        return -1;
    }
    return done;
}

/* EpollPoller._drain(self) */
static PyObject *
drain(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    struct epoll_event events[LARGEST_BATCH];
    if (sockets_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 1 || kwnames != NULL
        || state->drain_batch < 1 || state->drain_batch > LARGEST_BATCH) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    PyObject *poller = args[0];
    int fd = epoll_descriptor(state, poller);
    int count = fd < 0 ? -1 : epoll_wait(fd, events, (int)state->drain_batch, 0);
    if (count < 0) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    if (count == 0) {
        Py_RETURN_FALSE;
    }
    PyObject *actors = PyObject_GetAttr(poller, state->str__actors);
    if (actors == NULL || !PyDict_CheckExact(actors)) {
        Py_XDECREF(actors);
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "a poller without a table of actors");
        }
        return NULL;
    }
    int done = PyObject_SetAttr(poller, state->str__draining, Py_True);
    for (int i = 0; i < count && done == 0; i += AT_ONCE) {
        done = deliver_some(state, actors, &events[i], count - i < AT_ONCE ? count - i : AT_ONCE);
    }
    done = end_batch(state, poller, actors);
    Py_DECREF(actors);
    if (done < 0) {
        return NULL;
    }
    Py_RETURN_TRUE;
}

#endif

void
free_descriptors(State *state)
{
    for (int i = 0; i < state->number_of_descriptors; i++) {
        Py_XDECREF(state->descriptors[i]);
    }
    PyMem_Free(state->descriptors);
    state->descriptors = NULL;
    state->number_of_descriptors = 0;
}

const TwinEntry POLLER_TWINS[] = {
    {"SocketActor.resume", resume},
    {"Readiness.on_ready", on_ready},
#ifdef __linux__
    {"EpollPoller._drain", drain},
#endif
    {NULL, NULL},
};
