/*
 * Watches a folder and all below it for what others make, write, move there, and give other
 * attributes. Links are not followed, so nothing outside of the folder is told of.
 *
 *     open -> (readable -> run)* -> close
 *
 * Folders are looked into a few at a time: run() says whether it is to be called again soon, also
 * without anything to read; so do, once, after opening. One that is new has what is in it already
 * told. There is a limit of the system to what a user can watch: what lies beyond is left, with a
 * warning.
 */
#ifndef SYS_TREE_WATCH_H
#define SYS_TREE_WATCH_H

#include "base/err.h"

struct tree_watch;

/* Something has happened to rel, below the folder; "" is the folder. */
typedef void (*tree_changed_fn)(void *arg, const char *rel);

struct tree_watch *tree_watch_open(const char *root, tree_changed_fn on_changed, void *arg,
                                   struct err **errp) MUST_USE;
int tree_watch_fd(const struct tree_watch *tree); /* readable when something has happened */
bool tree_watch_run(struct tree_watch *tree);
void tree_watch_close(struct tree_watch *tree); /* NULL is allowed */

#endif
