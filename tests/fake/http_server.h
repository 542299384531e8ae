/*
 * An HTTP server on 127.0.0.1 for tests, in a process of its own. It serves one resource for every path; what
 * it answers, and how it misbehaves, is in memory shared with the test and may be changed between requests.
 */
#ifndef TESTS_FAKE_HTTP_SERVER_H
#define TESTS_FAKE_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct http_script {
    /* What is served. */
    char body[256 * 1024];
    size_t body_size;
    char last_modified[64]; /* "" = no such header, like the others */
    char etag[64];
    unsigned status; /* 0 = as it should be */

    /* How it fails. */
    size_t cut_after;   /* closes the connection after so many bytes of a body; 0 = never */
    unsigned n_cuts;    /* how many answers are cut */
    bool ignores_range;
    bool head_fails;    /* HEAD gets 500 */

    /* What was asked. */
    unsigned n_gets, n_heads, n_ranges;
    char last_if_range[64];
};

struct http_server {
    struct http_script *script; /* shared */
    pid_t pid;
    uint16_t port;
};

void http_server_start(struct http_server *server);
void http_server_stop(struct http_server *server);

#endif
