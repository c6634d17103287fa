#include <stdio.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// MHD_start_daemon and MHD_get_connection_info are variadic, which Swift cannot import.

/* A listening socket for a numeric address; -errno where there is none to be had. The chosen port comes back in `port`. */
static inline int cmhd_listen(const char *address, uint16_t *port) {
  struct addrinfo hints, *found = NULL;
  memset(&hints, 0, sizeof hints);
  hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(address, NULL, &hints, &found) != 0 || found == NULL) return -EADDRNOTAVAIL;
  int error = 0;
  int one = 1;
  int listener = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener < 0) error = errno;
  if (found->ai_family == AF_INET6) {
    ((struct sockaddr_in6 *)found->ai_addr)->sin6_port = htons(*port);
  } else {
    ((struct sockaddr_in *)found->ai_addr)->sin_port = htons(*port);
  }
  if (!error) {
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, found->ai_addr, found->ai_addrlen) != 0 || listen(listener, 1024) != 0) error = errno;
  }
  if (!error) {
    struct sockaddr_storage bound;
    socklen_t length = sizeof bound;
    if (getsockname(listener, (struct sockaddr *)&bound, &length) != 0) {
      error = errno;
    } else if (bound.ss_family == AF_INET6) {
      *port = ntohs(((struct sockaddr_in6 *)&bound)->sin6_port);
    } else {
      *port = ntohs(((struct sockaddr_in *)&bound)->sin_port);
    }
  }
  freeaddrinfo(found);
  if (error) {
    if (listener >= 0) close(listener);
    return -error;
  }
  return listener;
}

struct cmhd_settings {
  int listener;
  unsigned threads;
  unsigned connections_max;
  unsigned idle_seconds;
  size_t connection_bytes;
  /* PEM; NULL for plain HTTP. */
  const char *certificate;
  const char *key;
};

/* The daemon owns the listener from here on, also when it does not start. */
static inline struct MHD_Daemon *cmhd_start(struct cmhd_settings settings, MHD_AccessHandlerCallback access,
                                            void *(*begin)(void *, const char *, struct MHD_Connection *),
                                            MHD_RequestCompletedCallback completed, void *context) {
  unsigned flags = MHD_USE_EPOLL_INTERNALLY | MHD_ALLOW_SUSPEND_RESUME;
  struct MHD_OptionItem options[] = {
      {MHD_OPTION_LISTEN_SOCKET, settings.listener, NULL},
      {MHD_OPTION_CONNECTION_LIMIT, settings.connections_max, NULL},
      {MHD_OPTION_CONNECTION_TIMEOUT, settings.idle_seconds, NULL},
      {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)settings.connection_bytes, NULL},
      {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)begin, context},
      {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)completed, context},
      {MHD_OPTION_END, 0, NULL},
      {MHD_OPTION_END, 0, NULL},
      {MHD_OPTION_END, 0, NULL},
      {MHD_OPTION_END, 0, NULL},
  };
  int next = 6;
  if (settings.threads > 1) {
    options[next++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, settings.threads, NULL};
  }
  if (settings.certificate) {
    flags |= MHD_USE_TLS;
    options[next++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)settings.certificate};
    options[next++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)settings.key};
  }
  struct MHD_Daemon *daemon =
      MHD_start_daemon(flags, 0, NULL, NULL, access, context, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
  return daemon;
}

/* The client's address as text; empty where it is not known. */
static inline void cmhd_peer(struct MHD_Connection *connection, char *text, size_t size) {
  text[0] = 0;
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  if (!info || !info->client_addr) return;
  socklen_t length =
      info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
  char host[64], service[16];
  if (getnameinfo(info->client_addr, length, host, sizeof host, service, sizeof service,
                  NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
    snprintf(text, size, "%s:%s", host, service);
  }
}

/* The library's closed enumerations come under other names into Swift; these keep the ones of its manual. */
static inline enum MHD_Result cmhd_result(int is_fine) { return is_fine ? MHD_YES : MHD_NO; }

static inline void cmhd_each_header(struct MHD_Connection *connection, MHD_KeyValueIterator iterator, void *context) {
  MHD_get_connection_values(connection, MHD_HEADER_KIND, iterator, context);
}

static inline struct MHD_Response *cmhd_response(const void *bytes, size_t count) {
  return MHD_create_response_from_buffer(count, (void *)bytes, MHD_RESPMEM_MUST_COPY);
}
