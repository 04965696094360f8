/*
 * Between a gateway and its system: makes writes to the journal slow or fail, and moves the wall clock, as a file of
 * three numbers says that is shared with the test. Loaded by LD_PRELOAD.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control {
  volatile int64_t clock_ms; /* added to the wall clock */
  volatile int64_t delay_ms; /* before each write to the journal */
  volatile int64_t error;    /* errno of each write to the journal, after its bytes are written; 0 = none */
};

static struct control *control;

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("FAILING_DISK");
  int file = path == NULL ? -1 : open(path, O_RDONLY);
  if (file < 0) return;
  void *shared = mmap(NULL, sizeof(struct control), PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (shared != MAP_FAILED) control = shared;
}

static int is_journal(int file) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strstr(path, "/journal/0") != NULL;
}

/* The bytes of a failed write are on the disk all the same: that is the worse case, nobody knows. */
static ssize_t judge(int file, ssize_t written) {
  if (control == NULL || (control->delay_ms == 0 && control->error == 0) || !is_journal(file)) return written;
  if (control->delay_ms > 0) usleep((useconds_t)control->delay_ms * 1000);
  if (control->error == 0) return written;
  errno = (int)control->error;
  return -1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
  static __typeof__(&pwrite) real;
  if (real == NULL) real = REAL(pwrite);
  return judge(file, real(file, bytes, count, offset));
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
  static __typeof__(&pwrite64) real;
  if (real == NULL) real = REAL(pwrite64);
  return judge(file, real(file, bytes, count, offset));
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  static __typeof__(&clock_gettime) real;
  if (real == NULL) real = REAL(clock_gettime);
  int result = real(clock, time);
  if (result == 0 && control != NULL && clock == CLOCK_REALTIME) time->tv_sec += control->clock_ms / 1000;
  return result;
}

int gettimeofday(struct timeval *time, void *zone) {
  static __typeof__(&gettimeofday) real;
  if (real == NULL) real = REAL(gettimeofday);
  int result = real(time, zone);
  if (result == 0 && control != NULL) time->tv_sec += control->clock_ms / 1000;
  return result;
}
