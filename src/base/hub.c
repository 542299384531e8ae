#include "base/hub.h"

void hub_init(struct hub *hub)
{
    list_init(&hub->listeners);
}

void hub_done(struct hub *hub)
{
    while (!list_is_empty(&hub->listeners))
        list_remove(hub->listeners.next);
}

void hub_add(struct hub *hub, struct listener *listener, listener_fn on_event)
{
    listener->on_event = on_event;
    list_push_back(&hub->listeners, &listener->link);
}

void listener_remove(struct listener *listener)
{
    list_remove(&listener->link);
}

/*
 * A cursor node travels through the list, so that the callee may remove itself or any other
 * listener. Cursors of nested emits are recognised by their missing callback.
 */
void hub_emit(struct hub *hub, void *event)
{
    struct listener cursor = { .on_event = NULL };
    struct list *end = &hub->listeners;

    list_push_front(end, &cursor.link);
    while (cursor.link.next && cursor.link.next != end) {
        struct list *at = cursor.link.next;
        struct listener *listener = CONTAINER_OF(at, struct listener, link);

        list_remove(&cursor.link);
        list_push_front(at, &cursor.link); /* right behind "at" */
        if (listener->on_event)
            listener->on_event(listener, event);
    }
    list_remove(&cursor.link);
}
