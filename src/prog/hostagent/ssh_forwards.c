#include "prog/hostagent/ssh_forwards.h"

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "svc/loop/timer.h"
#include "svc/ssh/master.h"

struct op {
    struct list link;
    bool is_cancel;
    const char *how;
    char *spec;
    char *script;            /* to be run before; NULL = none, or done */
    ssh_forwards_fn on_done; /* NULL: nobody wants to know */
    void *arg;
};

struct ssh_forwards {
    struct ssh_task_params params;
    char *inst_dir;
    struct list ops; /* the first one is being done while there is a task */
    struct ssh_task *task;
    bool is_preparing; /* the task is only in front of the forward itself */
    struct timer *soon;
};

static void op_free(struct op *op)
{
    list_remove(&op->link);
    free(op->spec);
    free(op->script);
    free(op);
}

static void step(struct ssh_forwards *q)
{
    if (!q->task && !list_is_empty(&q->ops))
        timer_set(q->soon, 0);
}

/* The first one is over. */
static void finish(struct ssh_forwards *q, const struct err *err)
{
    struct op *op = CONTAINER_OF(q->ops.next, struct op, link);
    ssh_forwards_fn on_done = op->on_done;
    void *arg = op->arg;

    if (err && op->is_cancel)
        log_debug("cancelling a forward of ssh: %s", err_text(err));
    op_free(op);
    step(q);
    if (on_done)
        on_done(arg, err);
}

static void task_ended(void *arg, const struct err *err)
{
    struct ssh_forwards *q = arg;
    bool was_preparing = q->is_preparing;

    ssh_task_close(MOVE(q->task));
    q->is_preparing = false;
    if (was_preparing && !err)
        step(q);
    else
        finish(q, err);
}

static void begin(void *arg)
{
    struct ssh_forwards *q = arg;
    struct op *op = CONTAINER_OF(q->ops.next, struct op, link);
    auto_mem char *script = NULL;
    auto_err struct err *err = NULL;
    bool is_connected;

    if (q->task || list_is_empty(&q->ops))
        return;
    is_connected = ssh_master_probe(q->inst_dir) == SSH_MASTER_ALIVE;
    if (op->is_cancel && !is_connected) {
        finish(q, NULL); /* it went with the connection */
        return;
    }
    script = MOVE(op->script);
    q->is_preparing = script || !is_connected;
    if (q->is_preparing) /* any command makes the shared connection */
        q->task = ssh_task_script(&q->params, script ? script : "#!/bin/sh\nexit 0\n", &err);
    else
        q->task = ssh_task_forward(&q->params, op->is_cancel, op->how, op->spec, &err);
    if (!q->task) {
        q->is_preparing = false;
        finish(q, err);
    }
}

static void push(struct ssh_forwards *q, const struct op *proto)
{
    struct op *op = mem_dup(proto, sizeof(*proto));

    op->spec = mem_strdup(proto->spec);
    op->script = mem_strdup(proto->script);
    list_push_back(&q->ops, &op->link);
    step(q);
}

void ssh_forwards_add(struct ssh_forwards *q, const char *how, const char *spec, const char *script,
                      ssh_forwards_fn on_done, void *arg)
{
    push(q, &(struct op){ .how = how,
                          .spec = (char *)spec,
                          .script = (char *)script,
                          .on_done = on_done,
                          .arg = arg });
}

void ssh_forwards_cancel(struct ssh_forwards *q, const char *how, const char *spec)
{
    list_for_each (op, &q->ops, struct op, link) {
        bool is_running = q->task && &op->link == q->ops.next;

        if (op->is_cancel || strcmp(op->how, how) != 0 || strcmp(op->spec, spec) != 0)
            continue;
        op->on_done = NULL;
        if (!is_running) {
            op_free(op);
            return;
        }
    }
    push(q, &(struct op){ .is_cancel = true, .how = how, .spec = (char *)spec });
}

struct ssh_forwards *ssh_forwards_open(const struct ssh_task_params *params, const char *inst_dir)
{
    struct ssh_forwards *q = mem_new(struct ssh_forwards);

    q->params = *params;
    q->params.on_end = task_ended;
    q->params.arg = q;
    q->inst_dir = mem_strdup(inst_dir);
    list_init(&q->ops);
    q->soon = timer_open(params->loop, begin, q);
    return q;
}

void ssh_forwards_close(struct ssh_forwards *q)
{
    if (!q)
        return;
    ssh_task_close(q->task);
    timer_close(q->soon);
    while (!list_is_empty(&q->ops))
        op_free(CONTAINER_OF(q->ops.next, struct op, link));
    free(q->inst_dir);
    free(q);
}
