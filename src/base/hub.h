/*
 * Event hub: an object has a "struct hub" per event; a subscriber embeds a "struct listener" and
 * finds itself with CONTAINER_OF. Listeners may remove themselves, or any other, while being
 * called. hub_done() detaches all listeners without calling them.
 */
#ifndef BASE_HUB_H
#define BASE_HUB_H

#include "base/list.h"

struct listener;
typedef void (*listener_fn)(struct listener *listener, void *event);

struct listener {
    struct list link;
    listener_fn on_event;
};

struct hub {
    struct list listeners;
};

void hub_init(struct hub *hub);
void hub_done(struct hub *hub);
void hub_add(struct hub *hub, struct listener *listener, listener_fn on_event);
void listener_remove(struct listener *listener);
void hub_emit(struct hub *hub, void *event);

#endif
