/* Makes the operating system fail on demand, below one folder: preloaded into a program (LD_PRELOAD), it counts what the
 * program does to files there (write, truncate, sync, rename, remove, make a folder) and, at the chosen one, kills or stops
 * the process, or lets the call fail as a full or broken disk does, or lets a write take only half of its bytes.
 *
 *   FAULT_FOLDER  absolute path; nothing else is touched
 *   FAULT_NAME    only files whose path holds this are counted; without it, all
 *   FAULT_KIND    count, kill, stop (SIGSTOP), ENOSPC (from then on the disk is full), EIO (once), short (once; the next
 *                 write it comes to)
 *   FAULT_AT      which operation, from 1
 *   FAULT_RANK    only in this rank of an MPI job; others are left alone
 *   FAULT_LOG     a file that gets a line "operation path" for each of them
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum verdict { let_pass, fail, cut };

static atomic_long operations;
static atomic_int cut_done;
static char folder[PATH_MAX];
static size_t folder_length;
static const char* kind = "";
static const char* log_name;
static const char* name = "";
static long chosen;

__attribute__((constructor)) static void begin(void) {
  const char* wanted_rank = getenv("FAULT_RANK");
  const char* rank = getenv("OMPI_COMM_WORLD_RANK");
  if (wanted_rank != NULL && strcmp(wanted_rank, rank == NULL ? "0" : rank) != 0) return;
  const char* where = getenv("FAULT_FOLDER");
  if (where == NULL || strlen(where) >= sizeof folder) return;
  strcpy(folder, where);
  folder_length = strlen(folder);
  if (getenv("FAULT_KIND") != NULL) kind = getenv("FAULT_KIND");
  if (getenv("FAULT_AT") != NULL) chosen = atol(getenv("FAULT_AT"));
  if (getenv("FAULT_NAME") != NULL) name = getenv("FAULT_NAME");
  log_name = getenv("FAULT_LOG");
}

static int is_below(const char* path) {
  return folder_length > 0 && strncmp(path, folder, folder_length) == 0 &&
         (path[folder_length] == '/' || path[folder_length] == '\0');
}

static void note(const char* operation, const char* path) {
  if (log_name == NULL) return;
  char line[PATH_MAX + 64];
  const int length = snprintf(line, sizeof line, "%s %s\n", operation, path);
  const int log = (int)syscall(SYS_openat, AT_FDCWD, log_name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) return;
  if (syscall(SYS_write, log, line, length < (int)sizeof line ? length : (int)sizeof line) < 0) abort();
  syscall(SYS_close, log);
}

/* What becomes of an operation on `path`. */
static enum verdict judge(const char* operation, const char* path, int is_write) {
  if (!is_below(path) || strstr(path, name) == NULL) return let_pass;
  const long number = ++operations;
  note(operation, path);
  if (strcmp(kind, "kill") == 0 && number == chosen) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }
  if (strcmp(kind, "stop") == 0 && number == chosen) kill(getpid(), SIGSTOP);
  if (strcmp(kind, "ENOSPC") == 0 && number >= chosen && (is_write || strcmp(operation, "mkdir") == 0)) {
    errno = ENOSPC;
    return fail;
  }
  if (strcmp(kind, "EIO") == 0 && number == chosen) {
    errno = EIO;
    return fail;
  }
  if (strcmp(kind, "short") == 0 && number >= chosen && is_write && atomic_exchange(&cut_done, 1) == 0) return cut;
  return let_pass;
}

static void path_of(int directory, const char* name, char* path) {
  path[0] = '\0';
  if (name != NULL && name[0] == '/') {
    snprintf(path, PATH_MAX, "%s", name);
    return;
  }
  char link[64];
  if (directory == AT_FDCWD) {
    snprintf(link, sizeof link, "/proc/self/cwd");
  } else {
    snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
  }
  const ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length < 0) return;
  path[length] = '\0';
  if (name != NULL && length + 1 + (ssize_t)strlen(name) < PATH_MAX) {
    strcat(path, "/");
    strcat(path, name);
  }
}

static enum verdict judge_file(const char* operation, int file, int is_write) {
  char path[PATH_MAX];
  const int error = errno;
  path_of(file, NULL, path);
  errno = error;
  return judge(operation, path, is_write);
}

static enum verdict judge_name(const char* operation, int directory, const char* name) {
  char path[PATH_MAX];
  const int error = errno;
  path_of(directory, name, path);
  errno = error;
  return judge(operation, path, 0);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define HALF(size) ((size) > 1 ? (size) / 2 : (size))

ssize_t write(int file, const void* data, size_t size) {
  const enum verdict verdict = judge_file("write", file, 1);
  if (verdict == fail) return -1;
  return NEXT(write)(file, data, verdict == cut ? HALF(size) : size);
}

ssize_t pwrite(int file, const void* data, size_t size, off_t offset) {
  const enum verdict verdict = judge_file("pwrite", file, 1);
  if (verdict == fail) return -1;
  return NEXT(pwrite)(file, data, verdict == cut ? HALF(size) : size, offset);
}

ssize_t pwrite64(int file, const void* data, size_t size, off64_t offset) {
  const enum verdict verdict = judge_file("pwrite", file, 1);
  if (verdict == fail) return -1;
  return NEXT(pwrite64)(file, data, verdict == cut ? HALF(size) : size, offset);
}

ssize_t writev(int file, const struct iovec* parts, int count) {
  const enum verdict verdict = judge_file("writev", file, 1);
  if (verdict == fail) return -1;
  if (verdict == cut && count > 0) return NEXT(write)(file, parts[0].iov_base, HALF(parts[0].iov_len));
  return NEXT(writev)(file, parts, count);
}

ssize_t pwritev(int file, const struct iovec* parts, int count, off_t offset) {
  const enum verdict verdict = judge_file("pwritev", file, 1);
  if (verdict == fail) return -1;
  if (verdict == cut && count > 0) return NEXT(pwrite)(file, parts[0].iov_base, HALF(parts[0].iov_len), offset);
  return NEXT(pwritev)(file, parts, count, offset);
}

ssize_t pwritev64(int file, const struct iovec* parts, int count, off64_t offset) {
  const enum verdict verdict = judge_file("pwritev", file, 1);
  if (verdict == fail) return -1;
  if (verdict == cut && count > 0) return NEXT(pwrite64)(file, parts[0].iov_base, HALF(parts[0].iov_len), offset);
  return NEXT(pwritev64)(file, parts, count, offset);
}

int fsync(int file) { return judge_file("fsync", file, 0) == fail ? -1 : NEXT(fsync)(file); }
int fdatasync(int file) { return judge_file("fsync", file, 0) == fail ? -1 : NEXT(fdatasync)(file); }
int ftruncate(int file, off_t size) { return judge_file("truncate", file, 0) == fail ? -1 : NEXT(ftruncate)(file, size); }
int ftruncate64(int file, off64_t size) {
  return judge_file("truncate", file, 0) == fail ? -1 : NEXT(ftruncate64)(file, size);
}
int rename(const char* from, const char* to) {
  return judge_name("rename", AT_FDCWD, to) == fail ? -1 : NEXT(rename)(from, to);
}
int mkdir(const char* name, mode_t mode) {
  return judge_name("mkdir", AT_FDCWD, name) == fail ? -1 : NEXT(mkdir)(name, mode);
}
int unlink(const char* name) { return judge_name("remove", AT_FDCWD, name) == fail ? -1 : NEXT(unlink)(name); }
int unlinkat(int directory, const char* name, int flags) {
  return judge_name("remove", directory, name) == fail ? -1 : NEXT(unlinkat)(directory, name, flags);
}
int rmdir(const char* name) { return judge_name("remove", AT_FDCWD, name) == fail ? -1 : NEXT(rmdir)(name); }
int remove(const char* name) { return judge_name("remove", AT_FDCWD, name) == fail ? -1 : NEXT(remove)(name); }
