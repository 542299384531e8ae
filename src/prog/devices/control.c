#include "prog/devices/control.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "prog/devices/client.h"
#include "wire/echo.h"

#define CLIENTS_MAX 8
#define LISTENS_MAX 8192

struct listen {
    uint32_t port;
    bool hold;
    struct client *client; /* borrowed */
};

struct control {
    struct evloop *loop; /* borrowed */
    struct vsock_dev *vsock; /* borrowed */
    struct fs_thread *files; /* borrowed; NULL = there is no file system device */
    struct list file_jobs;
    enum devctl_sandbox sandbox;
    struct ev_source source;
    int listen_fd;
    struct list clients;
    unsigned n_clients;
    VEC(struct listen) listens;
};

/* A connection that was asked for and has no outcome yet. */
struct pending {
    struct client *client; /* borrowed: its end is an outcome */
    uint32_t id;
    int fd; /* for the client; -1 for PUMP */
};

/* Something asked of the thread that serves files. */
struct file_job {
    struct list link;
    struct client *client; /* borrowed; NULL when it went away */
    uint32_t id;
};

static bool make_pair(int *out_ours, int *out_theirs)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
        return false;
    *out_ours = fds[0];
    *out_theirs = fds[1];
    return true;
}

static bool is_stream_socket(int fd)
{
    int type = 0, listens = 0;
    socklen_t len = sizeof(type);

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_STREAM)
        return false;
    len = sizeof(listens);
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && !listens;
}

/* Ports that are listened on. */

static struct listen *find_listen(struct control *c, uint32_t port)
{
    for (size_t i = 0; i < c->listens.n; i++)
        if (c->listens.v[i].port == port)
            return &c->listens.v[i];
    return NULL;
}

static int add_listen(struct control *c, struct client *client, const struct devctl_msg *msg)
{
    if (find_listen(c, msg->port))
        return EADDRINUSE;
    if (c->listens.n == LISTENS_MAX)
        return ENOSPC;
    *vec_push(&c->listens) = (struct listen){ msg->port, msg->flags & DEVCTL_LISTEN_HOLD, client };
    return 0;
}

static int remove_listen(struct control *c, const struct client *client, uint32_t port)
{
    struct listen *l = find_listen(c, port);

    if (!l || l->client != client)
        return ENOENT;
    *l = c->listens.v[--c->listens.n];
    return 0;
}

/* The agent for changes is root's: others cannot bind such a port. */
static bool accept_agent(struct control *c, struct vsock_stream *s)
{
    int ours, theirs;

    if (!c->files || vsock_stream_guest_port(s) >= ECHO_PEER_PORT_END || !make_pair(&ours, &theirs))
        return false;
    fs_thread_take_agent(c->files, theirs);
    vsock_stream_accept(s, ours, NULL, NULL, false);
    return true;
}

bool control_guest_connects(struct control *c, struct vsock_stream *s)
{
    const struct listen *l = find_listen(c, vsock_stream_host_port(s));
    struct devctl_msg msg = { .port = vsock_stream_host_port(s),
                              .peer_port = vsock_stream_guest_port(s) };
    int ours, theirs;

    if (msg.port == ECHO_PORT)
        return accept_agent(c, s);
    /* A client that does not keep up gets no more; the guest sees a refusal and may try again. */
    if (!l || client_is_congested(l->client))
        return false;
    if (l->hold) {
        msg.type = DEVCTL_HELD;
        msg.stream = vsock_stream_number(s);
        vsock_stream_set_client(s, l->client);
        return client_send(l->client, &msg, -1);
    }
    if (!make_pair(&ours, &theirs))
        return false;
    msg.type = DEVCTL_ACCEPTED;
    if (!client_send(l->client, &msg, theirs)) {
        (void)close(ours);
        return false;
    }
    vsock_stream_accept(s, ours, NULL, l->client, true);
    return true;
}

/* Requests. */

static void connect_done(void *arg, struct vsock_stream *s, int error)
{
    struct pending *p = arg;

    if (error)
        client_send_result(p->client, p->id, error);
    else
        (void)client_send(p->client, &(struct devctl_msg){ .type = DEVCTL_STREAM, .id = p->id,
                                                           .port = vsock_stream_guest_port(s),
                                                           .peer_port = vsock_stream_host_port(s) },
                          MOVE_FD(p->fd));
    if (p->fd >= 0)
        (void)close(p->fd);
    free(p);
}

static void pump_done(void *arg, struct vsock_stream *s, int error)
{
    struct pending *p = arg;

    client_send_result(p->client, p->id, error);
    free(p);
}

static void start_connect(struct control *c, struct client *client, struct vsock_connect *how,
                          uint32_t id, int take_fd, int fd_for_client)
{
    struct pending *p = mem_new(struct pending);
    int error;

    *p = (struct pending){ client, id, fd_for_client };
    how->client = client;
    how->arg = p;
    if (!vsock_connect(c->vsock, how, take_fd, &error))
        how->on_done(p, NULL, error);
}

static void handle_connect(struct control *c, struct client *client, const struct devctl_msg *msg)
{
    struct vsock_connect how = { .port = msg->port, .dies_with_client = true,
                                 .on_done = connect_done };
    int ours, theirs;

    if (!make_pair(&ours, &theirs))
        client_send_result(client, msg->id, errno);
    else
        start_connect(c, client, &how, msg->id, ours, theirs);
}

static void handle_pump(struct control *c, struct client *client, const struct devctl_msg *msg,
                        int take_fd)
{
    struct vsock_connect how = { .port = msg->port, .preface = msg->data, .on_done = pump_done,
                                 .is_chunked = msg->type == DEVCTL_FORWARD,
                                 .group = client_group(client, msg->tag, true) };

    start_connect(c, client, &how, msg->id, take_fd, -1);
}

static int handle_accept(struct control *c, struct client *client, const struct devctl_msg *msg,
                         int take_fd)
{
    struct vsock_stream *s = vsock_dev_find_held(c->vsock, msg->stream, client);

    if (!s) {
        (void)close(take_fd);
        return ENOENT;
    }
    vsock_stream_accept(s, take_fd, client_group(client, msg->tag, true), client, false);
    return 0;
}

static int handle_reject(struct control *c, struct client *client, const struct devctl_msg *msg)
{
    struct vsock_stream *s = vsock_dev_find_held(c->vsock, msg->stream, client);

    if (!s)
        return ENOENT;
    vsock_stream_refuse(s);
    return 0;
}

static void file_job_done(void *arg, int error)
{
    struct file_job *job = arg;

    if (job->client)
        client_send_result(job->client, job->id, error);
    list_remove(&job->link);
    free(job);
}

static struct file_job *new_file_job(struct control *c, struct client *client, uint32_t id)
{
    struct file_job *job = mem_new(struct file_job);

    job->client = client;
    job->id = id;
    list_push_back(&c->file_jobs, &job->link);
    return job;
}

static enum fuse_cache cache_of(uint32_t flags)
{
    if (flags & DEVCTL_EXPORT_CACHE_NEVER)
        return FUSE_CACHE_NEVER;
    return flags & DEVCTL_EXPORT_CACHE_ALWAYS ? FUSE_CACHE_ALWAYS : FUSE_CACHE_AUTO;
}

static void handle_export(struct control *c, struct client *client, const struct devctl_msg *msg,
                          int take_fd)
{
    auto_fd int fd = take_fd;
    auto_mem char *name = mem_strndup(msg->data.p, msg->data.n);
    const struct fuse_export_options options = {
        .name = name,
        .read_only = msg->flags & DEVCTL_EXPORT_READ_ONLY,
        .owners_kept = msg->flags & DEVCTL_EXPORT_KEEP_OWNERS,
        .tells_changes = msg->flags & DEVCTL_EXPORT_TELL_CHANGES,
        .cache = cache_of(msg->flags),
        .host_uid = geteuid(),
        .host_gid = getegid(),
        .guest_uid = msg->uid,
        .guest_gid = msg->gid,
    };

    if (!c->files)
        client_send_result(client, msg->id, ENODEV);
    else
        fs_thread_export(c->files, &options, MOVE_FD(fd), file_job_done,
                         new_file_job(c, client, msg->id));
}

static void handle_unexport(struct control *c, struct client *client, const struct devctl_msg *msg)
{
    if (!c->files)
        client_send_result(client, msg->id, ENODEV);
    else if (msg->type == DEVCTL_DETACH)
        fs_thread_detach(c->files, msg->data, file_job_done, new_file_job(c, client, msg->id));
    else
        fs_thread_unexport(c->files, msg->data, file_job_done, new_file_job(c, client, msg->id));
}

static void handle_stats(struct control *c, struct client *client, const struct devctl_msg *msg)
{
    struct devctl_msg answer = { .type = DEVCTL_COUNTERS, .id = msg->id, .tag = msg->tag };
    const struct vsock_group *group = client_group(client, msg->tag, false);

    if (msg->tag == 0)
        answer.counters = *vsock_dev_counters(c->vsock);
    else if (group) /* else it had no stream yet */
        answer.counters = group->counters;
    (void)client_send(client, &answer, -1);
}

static void send_guest(struct client *client, bool is_up, bool resumed)
{
    struct devctl_msg msg = { .type = DEVCTL_GUEST, .flags = is_up ? DEVCTL_GUEST_UP : 0 };

    if (resumed)
        msg.flags |= DEVCTL_GUEST_RESUMED;
    (void)client_send(client, &msg, -1);
}

static void handle_hello(struct control *c, struct client *client, const struct devctl_msg *msg)
{
    (void)client_send(client, &(struct devctl_msg){ .type = DEVCTL_HELLO, .id = msg->id,
                                                    .version = DEVCTL_VERSION,
                                                    .flags = c->sandbox | DEVCTL_CAN_FORWARD |
                                                             DEVCTL_CAN_DETACH,
                                                    .data = SV(CLIMA_VERSION) }, -1);
    if (vsock_dev_is_up(c->vsock))
        send_guest(client, true, false);
}

static void message_received(struct client *client, const struct devctl_msg *msg, int take_fd)
{
    struct control *c = client->owner;

    if (take_fd >= 0 && msg->type != DEVCTL_EXPORT && !is_stream_socket(take_fd)) {
        (void)close(take_fd);
        client_send_result(client, msg->id, EINVAL);
        return;
    }
    switch (msg->type) {
    case DEVCTL_HELLO:
        handle_hello(c, client, msg);
        break;
    case DEVCTL_LISTEN:
        client_send_result(client, msg->id, add_listen(c, client, msg));
        break;
    case DEVCTL_UNLISTEN:
        client_send_result(client, msg->id, remove_listen(c, client, msg->port));
        break;
    case DEVCTL_CONNECT:
        handle_connect(c, client, msg);
        break;
    case DEVCTL_PUMP:
    case DEVCTL_FORWARD:
        handle_pump(c, client, msg, take_fd);
        break;
    case DEVCTL_ACCEPT:
        client_send_result(client, msg->id, handle_accept(c, client, msg, take_fd));
        break;
    case DEVCTL_REJECT:
        client_send_result(client, msg->id, handle_reject(c, client, msg));
        break;
    case DEVCTL_STATS:
        handle_stats(c, client, msg);
        break;
    case DEVCTL_EXPORT:
        handle_export(c, client, msg, take_fd);
        break;
    case DEVCTL_UNEXPORT:
    case DEVCTL_DETACH:
        handle_unexport(c, client, msg);
        break;
    default: /* not a request: client.c does not hand it on */
        break;
    }
}

void control_guest_changed(struct control *c, bool is_up, bool resumed)
{
    list_for_each(client, &c->clients, struct client, link)
        if (client->has_greeted)
            send_guest(client, is_up, resumed);
}

/* Clients. */

static void client_gone(struct client *client)
{
    struct control *c = client->owner;

    for (size_t i = c->listens.n; i-- > 0;)
        if (c->listens.v[i].client == client)
            c->listens.v[i] = c->listens.v[--c->listens.n];
    list_for_each (job, &c->file_jobs, struct file_job, link)
        if (job->client == client)
            job->client = NULL;
    vsock_dev_drop_client(c->vsock, client);
    list_remove(&client->link);
    c->n_clients--;
    client_free(client);
}

static const struct client_events client_events = {
    .on_message = message_received,
    .on_gone = client_gone,
};

static bool is_same_user(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == geteuid();
}

static void listener_ready(struct ev_source *source, uint32_t events)
{
    struct control *c = CONTAINER_OF(source, struct control, source);
    auto_fd int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct client *client;

    if (fd < 0)
        return;
    if (c->n_clients == CLIENTS_MAX || !is_same_user(fd)) {
        log_warn("refused a control connection: %s",
                 c->n_clients == CLIENTS_MAX ? "there are too many" : "it is another user's");
        return;
    }
    client = client_new(c->loop, MOVE_FD(fd), &client_events, c, NULL);
    if (!client)
        return;
    list_push_back(&c->clients, &client->link);
    c->n_clients++;
}

struct control *control_new(struct evloop *loop, int take_fd, enum devctl_sandbox sandbox,
                            struct err **errp)
{
    auto_fd int fd = take_fd;
    struct control *c = mem_new(struct control);

    (void)fcntl(fd, F_SETFL, O_NONBLOCK); /* a client may be gone again before it is accepted */
    c->loop = loop;
    c->sandbox = sandbox;
    list_init(&c->clients);
    list_init(&c->file_jobs);
    if (!evloop_add(loop, &c->source, fd, EPOLLIN, listener_ready, errp)) {
        free(c);
        return NULL;
    }
    c->listen_fd = MOVE_FD(fd);
    return c;
}

void control_set_vsock(struct control *c, struct vsock_dev *vsock)
{
    c->vsock = vsock;
}

void control_set_files(struct control *c, struct fs_thread *files)
{
    c->files = files;
}

void control_free(struct control *c)
{
    if (!c)
        return;
    list_for_each (job, &c->file_jobs, struct file_job, link)
        free(job);
    list_init(&c->file_jobs);
    while (!list_is_empty(&c->clients))
        client_gone(CONTAINER_OF(c->clients.next, struct client, link));
    evloop_remove(c->loop, &c->source);
    (void)close(c->listen_fd);
    vec_done(&c->listens);
    free(c);
}
