/* Making, monitoring and ending processes: the twins of `make_ref`, `new_process`, `start_light`,
   `start_task`, `start_handler`, `spawn`, `_spawn`, `Process.monitor`, `Process.demonitor` and
   `Process.end`.  */

#include "../core.h"

/* A pid or a ref, with the next number.  */
static PyObject *
new_identity(State *state, PyObject *type, PyObject *next)
{
    PyObject *number = PyObject_CallNoArgs(next);
    PyObject *identity = number == NULL ? NULL : new_instance(type);
    if (identity != NULL && set_identity(identity, number) < 0) {
        Py_CLEAR(identity);
    }
    Py_XDECREF(number);
    return identity;
}

/* Pid() */
static PyObject *
new_pid(State *state)
{
    return new_identity(state, state->pid_type, state->next_pid);
}

PyObject *
new_ref(State *state)
{
    return new_identity(state, state->ref_type, state->next_ref);
}

/* make_ref() */
static PyObject *
make_ref(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    if (state_prepare(self->state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 0 || kwnames != NULL) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    return new_ref(self->state);
}

/* Mailbox() */
static PyObject *
new_mailbox(State *state)
{
    PyObject *zero = PyLong_FromLong(0);
    PyObject *mailbox = zero == NULL ? NULL : new_instance(state->mailbox_type);
    if (mailbox != NULL) {
        SLOT(mailbox, state->mailbox_tested) = Py_NewRef(zero);
        SLOT(mailbox, state->mailbox__up_to) = Py_NewRef(zero);
        SLOT(mailbox, state->mailbox__next) = Py_NewRef(zero);
        SLOT(mailbox, state->mailbox_arrivals) = Py_NewRef(Py_None);
        SLOT(mailbox, state->mailbox_saved) = Py_NewRef(Py_None);
        SLOT(mailbox, state->mailbox_wanted) = Py_NewRef(Py_None);
        SLOT(mailbox, state->mailbox__by_ref) = Py_NewRef(Py_None);
        SLOT(mailbox, state->mailbox__passed) = Py_NewRef(Py_None);
    }
    Py_XDECREF(zero);
    return mailbox;
}

/* Process(node, body) */
static PyObject *
make_process(State *state, PyObject *node, PyObject *body)
{
    PyObject *pid = new_pid(state);
    PyObject *mailbox = pid == NULL ? NULL : new_mailbox(state);
    PyObject *began = mailbox == NULL ? NULL : PyObject_CallNoArgs(state->monotonic);
    PyObject *process = began == NULL ? NULL : new_instance(state->process_type);
    if (process == NULL) {
        Py_XDECREF(began);
        Py_XDECREF(mailbox);
        Py_XDECREF(pid);
        return NULL;
    }
    SLOT(process, state->process_node) = Py_NewRef(node);
    SLOT(process, state->process_body) = Py_NewRef(body);
    SLOT(process, state->process_pid) = pid;
    SLOT(process, state->process_mailbox) = mailbox;
    SLOT(process, state->process_name) = Py_NewRef(Py_None);
    SLOT(process, state->process_trapping) = Py_NewRef(Py_False);
    SLOT(process, state->process_ending) = Py_NewRef(Py_False);
    SLOT(process, state->process_reason) = Py_NewRef(Py_None);
    SLOT(process, state->process_ended_by) = Py_NewRef(Py_None);
    SLOT(process, state->process_links) = Py_NewRef(Py_None);
    SLOT(process, state->process_monitors) = Py_NewRef(Py_None);
    SLOT(process, state->process_watchers) = Py_NewRef(Py_None);
    SLOT(process, state->process_timers) = Py_NewRef(Py_None);
    SLOT(process, state->process_aliases) = Py_NewRef(Py_None);
    SLOT(process, state->process_parent) = Py_NewRef(Py_None);
    SLOT(process, state->process_began) = began;
    SLOT(process, state->process_label) = Py_NewRef(Py_None);
    SLOT(process, state->process_calling) = Py_NewRef(Py_None);
    return process;
}

/* new_process(node, body) */
static PyObject *
new_process(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    if (state_prepare(self->state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 2 || kwnames != NULL) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    return make_process(self->state, args[0], args[1]);
}

/* A body without a process, of `type`: what `Body.__init__` does. `own`, of which the reference is taken
   over and which may be NULL with an exception, is put into a slot of that class.  */
static PyObject *
new_body(State *state, PyObject *type, PyObject *node, long full, PyObject *own, Py_ssize_t slot)
{
    PyObject *body = own == NULL ? NULL : new_instance(type);
    if (body == NULL) {
        Py_XDECREF(own);
        return NULL;
    }
    SLOT(body, slot) = own;
    SLOT(body, state->body_timers) = Py_NewRef(SLOT(node, state->node_timers));
    SLOT(body, state->body_parked) = Py_NewRef(Py_None);
    SLOT(body, state->body_outcome) = Py_NewRef(Py_None);
    FLOOR(body) = -full;
    return body;
}

/* LightBody(node, function, args) */
static PyObject *
new_light(State *state, PyObject *node, PyObject *function, PyObject *arguments)
{
    PyObject *body = new_body(state, state->light_type, node, state->light_full,
                              PyContext_CopyCurrent(), state->light_context);
    if (body != NULL) {
        SLOT(body, state->light__passes) = Py_NewRef(SLOT(node, state->node_passes));
        SLOT(body, state->light__function) = Py_NewRef(function);
        SLOT(body, state->light__args) = Py_NewRef(arguments);
        SLOT(body, state->light__coroutine) = Py_NewRef(Py_None);
        SLOT(body, state->light_instead) = Py_NewRef(Py_None);
        SLOT(body, state->light_stopped) = Py_NewRef(Py_False);
        SLOT(body, state->light_exit_raised) = Py_NewRef(Py_False);
    }
    return body;
}

/* Passes.step_soon(body): 0 or -1.  */
static int
step_soon(State *state, PyObject *passes, PyObject *body)
{
    /* While the keeper sleeps, trio has to be told; the Python does that.  */
    if (is_exactly(passes, state->passes_type) && SLOT(passes, state->passes_keeper) == Py_None
        && is_exactly(SLOT(passes, state->passes_ready), state->deque_type)) {
        return append_to(state, SLOT(passes, state->passes_ready), body);
    }
    return done_with(PyObject_CallMethodOneArg(passes, state->str_step_soon, body));
}

/* Have the code of a new process run, as soon as there is something to do: 0 or -1.  */
typedef int (*Begin)(State *state, PyObject *node, PyObject *body, PyObject *process,
                     PyObject *arguments);

/* Take a living process out of the garbage collector's sight: `alive` refers to it, so that nothing of it can be
   garbage, and to look at its many slots in each collection takes longer than to start and to end it. */
static void
hide_process(State *state, PyObject *process)
{
    PyObject_GC_UnTrack(process);
    PyObject_GC_UnTrack(SLOT(process, state->process_body));
    PyObject_GC_UnTrack(SLOT(process, state->process_mailbox));
}

/* Undo that for a process that ends.  */
static void
show_process(State *state, PyObject *process)
{
    show_to_collector(process);
    PyObject *body = SLOT(process, state->process_body);
    PyObject *mailbox = SLOT(process, state->process_mailbox);
    /* Of whatever class: that of a body changes while it is traced, or takes only some messages.  */
    if (body != NULL && PyObject_TypeCheck(body, (PyTypeObject *)state->account_type)
        && PyObject_IS_GC(body)) {
        show_to_collector(body);
    }
    if (is_exactly(mailbox, state->mailbox_type)) {
        show_to_collector(mailbox);
    }
}

/* A new process with `body`, of which the reference is taken over, and which may be NULL with an exception.
   It becomes alive last, when nothing can fail any more.  */
static PyObject *
start(State *state, PyObject *node, PyObject *body, Begin begin, PyObject *arguments)
{
    PyObject *process = body == NULL ? NULL : make_process(state, node, body);
    if (process != NULL
        && (begin(state, node, body, process, arguments) < 0
            || PyDict_SetItem(state->alive, SLOT(process, state->process_pid), process) < 0)) {
        Py_CLEAR(process);
    }
    if (process != NULL) {
        hide_process(state, process);
    }
    Py_XDECREF(body);
    return process;
}

/* Whether processes of all kinds can start in `node`.  */
static int
can_start(State *state, PyObject *node)
{
    return is_exactly(node, state->node_type) && SLOT(node, state->node_timers) != NULL
           && SLOT(node, state->node_passes) != NULL;
}

/* Whether these are arguments by place for a start in the node that is the first of them.  */
static int
are_for_a_start(State *state, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    return PyVectorcall_NARGS(nargsf) == 3 && kwnames == NULL && can_start(state, args[0]);
}

static int
begin_light(State *state, PyObject *node, PyObject *body, PyObject *process, PyObject *arguments)
{
    slot_set(body, state->light_process, Py_NewRef(process));
    PyObject *passes = Py_NewRef(SLOT(node, state->node_passes));
    int done = step_soon(state, passes, body);
    Py_DECREF(passes);
    return done;
}

/* start_light(node, function, args) */
static PyObject *
start_light(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (state_prepare(state) < 0) {
        return NULL;
    }
    if (!are_for_a_start(state, args, nargsf, kwnames)) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    return start(state, args[0], new_light(state, args[0], args[1], args[2]), begin_light, NULL);
}

/* TaskBody(node, function, CancelScope()) */
static PyObject *
new_task(State *state, PyObject *node, PyObject *function)
{
    PyObject *body = new_body(state, state->task_type, node, state->task_full,
                              PyObject_CallNoArgs(state->cancel_scope), state->task__scope);
    if (body != NULL) {
        SLOT(body, state->task__function) = Py_NewRef(function);
        SLOT(body, state->task__stopped) = Py_NewRef(Py_None);
    }
    return body;
}

/* What trio names a task by: its name, if that is plain, which trio takes as it is, else the function. The name
   of the last one is kept, since one function is mostly started many times.  */
static PyObject *
task_name(State *state, PyObject *function)
{
    if (!PyFunction_Check(function)) {
        return Py_NewRef(function);
    }
    PyObject *module = ((PyFunctionObject *)function)->func_module;
    PyObject *name = ((PyFunctionObject *)function)->func_qualname;
    if (module == NULL || !PyUnicode_CheckExact(module) || name == NULL
        || !PyUnicode_CheckExact(name)) {
        return Py_NewRef(function);
    }
    if (module != state->named_module || name != state->named_qualname) {
        PyObject *both = PyUnicode_FromFormat("%U.%U", module, name);
        if (both == NULL) {
            return NULL;
        }
        /* Strings: nothing runs when they are dropped.  */
        Py_XSETREF(state->named_module, Py_NewRef(module));
        Py_XSETREF(state->named_qualname, Py_NewRef(name));
        Py_XSETREF(state->named_both, both);
    }
    return Py_NewRef(state->named_both);
}

/* Have trio start the task.  */
static int
begin_task(State *state, PyObject *node, PyObject *body, PyObject *process, PyObject *arguments)
{
    PyObject *name = task_name(state, SLOT(body, state->task__function));
    if (name == NULL) {
        return -1;
    }
    PyObject *args[] = {process, body, arguments, name};
    int done = done_with(
        PyObject_Vectorcall(state->start_in_trio, args, Py_ARRAY_LENGTH(args), NULL));
    Py_DECREF(name);
    return done;
}

/* start_task(node, function, args) */
static PyObject *
start_task(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (state_prepare(state) < 0) {
        return NULL;
    }
    if (!are_for_a_start(state, args, nargsf, kwnames) || !has_stack()) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    return start(state, args[0], new_task(state, args[0], args[1]), begin_task, args[2]);
}

/* HandlerBody(node, handler, terminate), idle */
static PyObject *
new_handler(State *state, PyObject *node, PyObject *function, PyObject *terminate)
{
    PyObject *step = thread_step(state);
    PyObject *body = step == NULL ? NULL
                                  : new_body(state, state->handler_type, node,
                                             state->handler_full, PyContext_CopyCurrent(),
                                             state->handler__context);
    if (body == NULL) {
        Py_XDECREF(step);
        return NULL;
    }
    slot_set(body, state->body_parked, Py_NewRef(Py_True));
    SLOT(body, state->handler__node) = Py_NewRef(node);
    SLOT(body, state->handler__step) = step;
    SLOT(body, state->handler__handler) = Py_NewRef(function);
    SLOT(body, state->handler__terminate) = Py_NewRef(
        terminate == Py_None ? state->do_nothing : terminate);
    return body;
}

static int
begin_handler(State *state, PyObject *node, PyObject *body, PyObject *process, PyObject *arguments)
{
    slot_set(body, state->handler__process, Py_NewRef(process));
    slot_set(SLOT(process, state->process_mailbox), state->mailbox_wanted,
             Py_NewRef(state->anything));
    return 0;
}

/* start_handler(node, handle, terminate) */
static PyObject *
start_handler(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (state_prepare(state) < 0) {
        return NULL;
    }
    if (!are_for_a_start(state, args, nargsf, kwnames)
        || (args[2] != Py_None && !PyCallable_Check(args[2]))) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    return start(state, args[0], new_handler(state, args[0], args[1], args[2]), begin_handler, NULL);
}

/* Whether `parent`, which the caller holds, can start a process of which nobody has to be told.  */
static int
can_be_parent(State *state, PyObject *parent)
{
    if (!is_exactly(parent, state->process_type)) {
        return 0;
    }
    PyObject *body = SLOT(parent, state->process_body), *node = SLOT(parent, state->process_node);
    return (is_exactly(body, state->light_type) || is_exactly(body, state->task_type))
           && can_start(state, node) && SLOT(node, state->node_closing) == Py_False
           && SLOT(node, state->node_started) == Py_None;
}

/* The new process of the calling one, which runs `function(*arguments)`. A new reference; NULL without an
   exception, and nothing has changed, if that is not plain.  */
static PyObject *
spawn_plainly(State *state, PyObject *function, PyObject *arguments, int light)
{
    PyObject *parent = calling_process(state);
    if (parent == NULL || !can_be_parent(state, parent)) {
        Py_XDECREF(parent);
        return NULL;
    }
    BUDGET(SLOT(parent, state->process_body)) -= state->start_cost;
    PyObject *node = Py_NewRef(SLOT(parent, state->process_node));
    PyObject *process
        = light ? start(state, node, new_light(state, node, function, arguments), begin_light, NULL)
                : start(state, node, new_task(state, node, function), begin_task, arguments);
    if (process != NULL) {
        slot_set(process, state->process_parent, Py_NewRef(SLOT(parent, state->process_pid)));
    }
    Py_DECREF(node);
    Py_DECREF(parent);
    return process;
}

/* Whether the keyword arguments of `spawn` are those of a process without a name and a limit. `*light` is
   set if they have it.  */
static int
are_plain_options(State *state, PyObject *const *values, PyObject *kwnames, PyObject **light)
{
    Py_ssize_t number = kwnames == NULL ? 0 : PyTuple_GET_SIZE(kwnames);
    for (Py_ssize_t i = 0; i < number; i++) {
        if (PyTuple_GET_ITEM(kwnames, i) == state->str_light && PyBool_Check(values[i])) {
            *light = values[i];
        }
        else {
            return 0;
        }
    }
    return 1;
}

/* spawn(fn, *args, light=light) */
static PyObject *
spawn(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (state_prepare(state) < 0) {
        return NULL;
    }
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    PyObject *light = Py_False;
    if (nargs < 1 || !are_plain_options(state, args + nargs, kwnames, &light)
        || !PyCallable_Check(args[0]) || !has_stack()) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    PyObject *arguments = PyTuple_New(nargs - 1);
    if (arguments == NULL) {
        return NULL;
    }
    for (Py_ssize_t i = 1; i < nargs; i++) {
        PyTuple_SET_ITEM(arguments, i - 1, Py_NewRef(args[i]));
    }
    PyObject *process = spawn_plainly(state, args[0], arguments, light == Py_True);
    Py_DECREF(arguments);
    if (process == NULL) {
        return PyErr_Occurred() ? NULL : twin_fall_back(self, args, nargsf, kwnames);
    }
    PyObject *pid = Py_NewRef(SLOT(process, state->process_pid));
    Py_DECREF(process);
    return pid;
}

/* _spawn(fn, args, name, light, max_mailbox) */
static PyObject *
spawn_process(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (state_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 5 || kwnames != NULL || !PyCallable_Check(args[0])
        || args[2] != Py_None || !PyBool_Check(args[3]) || args[4] != Py_None || !has_stack()) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    PyObject *process = spawn_plainly(state, args[0], args[1], args[3] == Py_True);
    if (process == NULL && !PyErr_Occurred()) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    return process;
}

static int
is_unused(State *state, PyObject *table)
{
    return table == Py_None || (is_exactly(table, state->table_type) && table_size(table) == 0);
}

/* --- monitors ---------------------------------------------------------------------------------- */

/* The table in a slot of `process`, which is made if there is none; borrowed.  */
static PyObject *
table_in(State *state, PyObject *process, Py_ssize_t offset)
{
    if (SLOT(process, offset) == Py_None) {
        PyObject *table = new_table(state);
        if (table == NULL) {
            return NULL;
        }
        slot_set(process, offset, table);
    }
    return SLOT(process, offset);
}

static int
is_table(State *state, PyObject *table)
{
    return table == Py_None || is_exactly(table, state->table_type);
}

/* Put the new monitor `ref` into both tables: 0 or -1.  */
static int
add_monitor(State *state, PyObject *process, PyObject *target, PyObject *named, PyObject *ref)
{
    PyObject *pid = SLOT(process, state->process_pid);
    PyObject *entry = named == SLOT(target, state->process_pid) ? Py_NewRef(pid)
                                                                : PyTuple_Pack(2, pid, named);
    PyObject *watchers
        = entry == NULL ? NULL : Py_XNewRef(table_in(state, target, state->process_watchers));
    PyObject *monitors
        = watchers == NULL ? NULL : Py_XNewRef(table_in(state, process, state->process_monitors));
    int done = -1;
    if (monitors != NULL && table_set(watchers, ref, entry) == 0) {
        done = table_set(monitors, ref, SLOT(target, state->process_pid));
    }
    Py_XDECREF(monitors);
    Py_XDECREF(watchers);
    Py_XDECREF(entry);
    return done;
}

/* Process.monitor(self, target, named) */
static PyObject *
monitor(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (state_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 3 || kwnames != NULL
        || !is_exactly(args[0], state->process_type) || !is_exactly(args[1], state->process_type)
        || args[0] == args[1] || !is_table(state, SLOT(args[0], state->process_monitors))
        || !is_table(state, SLOT(args[1], state->process_watchers))) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    PyObject *ref = new_ref(state);
    if (ref == NULL) {
        return NULL;
    }
    if (add_monitor(state, args[0], args[1], args[2], ref) < 0) {
        Py_CLEAR(ref);
    }
    return ref;
}

/* Remove `key`, if it is there, and return its value, a new reference; NULL with or without an
   exception.  */
static PyObject *
pop_from(State *state, PyObject *table, PyObject *key)
{
    if (!is_exactly(table, state->table_type)) {
        return NULL;
    }
    Py_INCREF(table);
    PyObject *value = table_take(table, key);
    Py_DECREF(table);
    return value;
}

/* Whether the monitor `ref` in `monitors` is of a process of another node, which has to be told.  */
static int
leads_elsewhere(State *state, PyObject *monitors, PyObject *ref)
{
    if (!is_exactly(monitors, state->table_type)) {
        return monitors != NULL && monitors != Py_None;
    }
    PyObject *target = table_find(monitors, ref);
    return target != NULL && !is_exactly(target, state->pid_type);
}

/* Process.demonitor(self, ref) */
static PyObject *
demonitor(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (state_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 2 || kwnames != NULL
        || !is_exactly(args[0], state->process_type) || !is_exactly(args[1], state->ref_type)
        || !is_unused(state, SLOT(args[0], state->process_aliases))
        || leads_elsewhere(state, SLOT(args[0], state->process_monitors), args[1])) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    PyObject *target = pop_from(state, SLOT(args[0], state->process_monitors), args[1]);
    if (target != NULL) {
        PyObject *process = Py_XNewRef(PyDict_GetItemWithError(state->alive, target));
        Py_DECREF(target);
        if (is_exactly(process, state->process_type)) {
            Py_XDECREF(pop_from(state, SLOT(process, state->process_watchers), args[1]));
        }
        else if (process != NULL) {
            PyObject *watchers = PyObject_GetAttrString(process, "watchers");
            Py_XDECREF(watchers == NULL ? NULL : pop_from(state, watchers, args[1]));
            Py_XDECREF(watchers);
        }
        Py_XDECREF(process);
    }
    if (PyErr_Occurred()) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* --- the end ----------------------------------------------------------------------------------- */

/* Whether nobody has to be told of the end of `process`, and there is nothing to undo.  */
static int
ends_plainly(State *state, PyObject *process)
{
    return SLOT(process, state->process_name) == Py_None
           && is_unused(state, SLOT(process, state->process_timers))
           && is_unused(state, SLOT(process, state->process_monitors))
           && is_unused(state, SLOT(process, state->process_aliases))
           && is_unused(state, SLOT(process, state->process_links))
           && is_unused(state, SLOT(process, state->process_watchers))
           && is_exactly(SLOT(process, state->process_mailbox), state->mailbox_type)
           && (is_exactly(SLOT(process, state->process_body), state->light_type)
               || is_exactly(SLOT(process, state->process_body), state->task_type))
           && is_exactly(SLOT(process, state->process_pid), state->pid_type);
}

int
end_plainly(State *state, PyObject *process, PyObject *reason)
{
    if (is_process(state, process)) {
        forget_process(state, process);
        show_process(state, process);
    }
    if (!is_exactly(process, state->process_type) || !ends_plainly(state, process)) {
        return 0;
    }
    PyObject *pid = SLOT(process, state->process_pid);
    if (PyDict_DelItem(state->alive, pid) < 0) {
        if (!PyErr_ExceptionMatches(PyExc_KeyError)) {
            return -1;
        }
        PyErr_Clear(); /* the first end has done it */
        return 1;
    }
    if (SLOT(process, state->process_ending) == Py_False) {
        slot_set(process, state->process_ending, Py_NewRef(Py_True));
        slot_set(process, state->process_reason, Py_NewRef(reason));
    }
    PyObject *mailbox = Py_NewRef(SLOT(process, state->process_mailbox));
    PyObject *body = Py_NewRef(SLOT(process, state->process_body));
    slot_set(mailbox, state->mailbox_arrivals, Py_NewRef(Py_None));
    slot_set(mailbox, state->mailbox_saved, Py_NewRef(Py_None));
    slot_set(mailbox, state->mailbox__by_ref, Py_NewRef(Py_None));
    slot_set(mailbox, state->mailbox__passed, Py_NewRef(Py_None));
    if (is_exactly(body, state->light_type)) {
        slot_set(body, state->light_process, NULL);
    }
    Py_DECREF(body);
    Py_DECREF(mailbox);
    return 1;
}

/* Process.end(self, reason) */
static PyObject *
end(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    if (state_prepare(self->state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 2 && kwnames == NULL) {
        Py_INCREF(args[0]); /* the table of living processes may have the last reference */
        int done = end_plainly(self->state, args[0], args[1]);
        Py_DECREF(args[0]);
        if (done != 0) {
            return done < 0 ? NULL : Py_NewRef(Py_None);
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

const TwinEntry SPAWNING_TWINS[] = {
    {"make_ref", make_ref},
    {"new_process", new_process},
    {"start_light", start_light},
    {"start_task", start_task},
    {"start_handler", start_handler},
    {"spawn", spawn},
    {"_spawn", spawn_process},
    {"Process.monitor", monitor},
    {"Process.demonitor", demonitor},
    {"Process.end", end},
    {NULL, NULL},
};
