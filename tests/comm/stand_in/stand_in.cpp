#include "stand_in.hpp"

#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

using Clock = std::chrono::steady_clock;

namespace {

namespace stand_in = layersweep::comm::stand_in;

struct World {
  stand_in::Behaviour behaviour;
  Clock::time_point behaves_since = Clock::now();
  std::map<std::string, int> calls;
  std::vector<std::string> violations;
  std::vector<int> team;
  std::set<ncclComm_t> communicators;
  std::set<ncclComm_t> left;  // aborted, while messages may still come
  std::set<void*> blocks;
  std::map<cudaStream_t, ncclComm_t> busy;  // the communicator whose collective a stream is at
  int device = -1;
  int serial = 0;
  std::string last_error;
};

World& world() {
  static World& one = *new World;
  return one;
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Messages of a space of their own, by MPI's rules for late ones: a buffer lives as long as the process.
MPI_Comm space() {
  static const MPI_Comm copy = [] {
    MPI_Comm made = MPI_COMM_SELF;
    int running = 0;
    MPI_Initialized(&running);
    if (running != 0) MPI_Comm_dup(MPI_COMM_WORLD, &made);  // collective: behave() comes first, on all ranks
    return made;
  }();
  return copy;
}

struct Exchange {
  std::vector<std::byte> mine;
  std::vector<std::vector<std::byte>> theirs;
  std::vector<MPI_Request> requests;
};

enum class Kind { none, connect, sum_floats, sum_doubles, broadcast, finalize };

std::size_t bytes_of(Kind kind, std::size_t count) {
  return kind == Kind::sum_floats ? count * sizeof(float) : kind == Kind::sum_doubles ? count * sizeof(double) : count;
}

}  // namespace

struct ncclComm {
  std::vector<int> team;
  int rank = 0;
  int tag = 0;
  int device = 0;

  // The one call in progress.
  Kind kind = Kind::none;
  Clock::time_point called;
  void* data = nullptr;
  std::size_t count = 0;
  int root = 0;
  Exchange* exchange = nullptr;
  bool finalized = false;
};

namespace {

double delay_of(Kind kind) {
  const stand_in::Behaviour& now = world().behaviour;
  switch (kind) {
    case Kind::connect:
      return now.connect_s;
    case Kind::finalize:
      return now.finalize_s;
    default:
      return now.enqueue_s;
  }
}

// Every member sends what it has to every other; like all of NCCL, nothing is done before all take part.
void begin_exchange(ncclComm& comm, const void* data, std::size_t bytes) {
  auto* exchange = new Exchange;
  const auto* begin = static_cast<const std::byte*>(data);
  exchange->mine.assign(begin, begin + bytes);
  exchange->theirs.resize(comm.team.size());
  for (std::size_t other = 0; other < comm.team.size(); ++other) {
    auto& buffer = exchange->theirs[other];
    if (static_cast<int>(other) == comm.rank) {
      buffer = exchange->mine;
      continue;
    }
    buffer.resize(bytes);
    for (const bool is_send : {false, true}) {
      MPI_Request& request = exchange->requests.emplace_back();
      if (is_send) {
        MPI_Isend(exchange->mine.data(), static_cast<int>(bytes), MPI_BYTE, comm.team[other], comm.tag, space(), &request);
      } else {
        MPI_Irecv(buffer.data(), static_cast<int>(bytes), MPI_BYTE, comm.team[other], comm.tag, space(), &request);
      }
    }
  }
  comm.exchange = exchange;
}

bool exchanged(ncclComm& comm) {
  if (comm.exchange->requests.empty()) return true;  // a communicator of one; MPI need not run
  int all = 0;
  MPI_Testall(static_cast<int>(comm.exchange->requests.size()), comm.exchange->requests.data(), &all, MPI_STATUSES_IGNORE);
  return all != 0;
}

template <class T>
void store_sum(const ncclComm& comm) {
  auto* const values = static_cast<T*>(comm.data);
  for (std::size_t i = 0; i < comm.count; ++i) {
    T sum = 0;
    for (const auto& part : comm.exchange->theirs) {
      T value;
      std::memcpy(&value, part.data() + i * sizeof(T), sizeof(T));
      sum += value;
    }
    values[i] = sum;
  }
}

ncclResult_t finish(ncclComm& comm) {
  ncclResult_t result = ncclSuccess;
  const auto& theirs = comm.exchange->theirs;
  if (comm.kind == Kind::connect) {
    // As in NCCL: the same GPU twice is found while connecting.
    std::set<std::string> gpus;
    for (const auto& gpu : theirs) gpus.emplace(reinterpret_cast<const char*>(gpu.data()), gpu.size());
    if (gpus.size() != theirs.size()) {
      world().last_error = "Duplicate GPU detected";
      result = ncclInvalidUsage;
    }
  } else if (comm.kind == Kind::sum_floats) {
    store_sum<float>(comm);
  } else if (comm.kind == Kind::sum_doubles) {
    store_sum<double>(comm);
  } else if (comm.kind == Kind::broadcast) {
    const auto& source = theirs[static_cast<std::size_t>(comm.root)];
    std::memcpy(comm.data, source.data(), source.size());
  } else {
    comm.finalized = true;
  }
  delete std::exchange(comm.exchange, nullptr);
  comm.kind = Kind::none;
  return result;
}

bool is_collective(Kind kind) { return kind == Kind::sum_floats || kind == Kind::sum_doubles || kind == Kind::broadcast; }

// On the host: connected, enqueued or finalised. Data of collectives move later, on the stream.
bool is_through(ncclComm& comm) { return comm.kind == Kind::none || seconds_since(comm.called) >= delay_of(comm.kind); }

ncclResult_t state_of(ncclComm& comm) {
  if (!is_through(comm)) return ncclInProgress;
  if (comm.kind == Kind::none) return ncclSuccess;
  if (is_collective(comm.kind)) return world().behaviour.async_error;
  return exchanged(comm) ? finish(comm) : ncclInProgress;
}

void forbid(const std::string& what) { world().violations.push_back(what); }

// Counts the call; whether it is to fail, and with what.
ncclResult_t enter(const char* function) {
  ++world().calls[function];
  ++world().calls[""];
  if (world().behaviour.failing_call != std::string_view(function)) return ncclSuccess;
  world().last_error = std::string("the stand-in lets ") + function + " fail";
  return ncclSystemError;
}

ncclResult_t start(ncclComm_t comm, const char* function, Kind kind, void* data, std::size_t count, cudaStream_t stream) {
  if (const ncclResult_t result = enter(function); result != ncclSuccess) return result;
  if (!world().communicators.contains(comm)) {
    forbid(std::string(function) + " on a communicator that has ended");
    return ncclInvalidArgument;
  }
  if (comm->kind != Kind::none) {
    forbid(std::string(function) + " before the last call was through");
    return ncclInvalidArgument;
  }
  if (world().device != comm->device) forbid(std::string(function) + " on another GPU than the communicator's");
  comm->kind = kind;
  comm->called = Clock::now();
  comm->data = data;
  comm->count = count;
  ++comm->tag;
  begin_exchange(*comm, data, bytes_of(kind, count));
  if (is_collective(kind)) world().busy[stream] = comm;
  return is_through(*comm) && is_collective(kind) ? ncclSuccess : ncclInProgress;
}

ncclResult_t end(ncclComm_t comm) {
  if (world().communicators.erase(comm) == 0) {
    forbid("the end of a communicator that has ended");
    return ncclInvalidArgument;
  }
  std::erase_if(world().busy, [&](const auto& entry) { return entry.second == comm; });
  if (comm->exchange != nullptr) {
    world().left.insert(comm);
  } else {
    delete comm;
  }
  return ncclSuccess;
}

cudaError_t state_of(cudaStream_t stream) {
  World& now = world();
  if (seconds_since(now.behaves_since) < now.behaviour.compute_s) return cudaErrorNotReady;
  const auto found = now.busy.find(stream);
  if (found == now.busy.end()) return cudaSuccess;
  ncclComm& comm = *found->second;
  if (now.behaviour.stream_error != cudaSuccess) return now.behaviour.stream_error;
  if (!is_through(comm)) {
    forbid("a look at the stream before the collective was on it");
    return cudaErrorNotReady;
  }
  if (seconds_since(comm.called) < now.behaviour.enqueue_s + now.behaviour.transfer_s || !exchanged(comm)) {
    return cudaErrorNotReady;
  }
  finish(comm);
  now.busy.erase(found);
  return cudaSuccess;
}

}  // namespace

namespace layersweep::comm::stand_in {

void behave(const Behaviour& behaviour) {
  space();
  world().behaviour = behaviour;
  world().behaves_since = Clock::now();
  world().calls.clear();
  world().violations.clear();
  world().last_error.clear();
  world().team.clear();
}

void set_team(const std::vector<int>& ranks_of_job) { world().team = ranks_of_job; }

int calls(const std::string& function) {
  const auto found = world().calls.find(function);
  return found == world().calls.end() ? 0 : found->second;
}

int live_communicators() { return static_cast<int>(world().communicators.size()); }

int live_blocks() { return static_cast<int>(world().blocks.size()); }

std::vector<std::string> violations() { return world().violations; }

}  // namespace layersweep::comm::stand_in

extern "C" {

ncclResult_t ncclGetVersion(int* version) {
  *version = world().behaviour.version;
  return ncclSuccess;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  if (const ncclResult_t result = enter("ncclGetUniqueId"); result != ncclSuccess) return result;
  // Tags of messages: 1000 to each communicator, and another range for each rank that makes ids.
  int running = 0, rank = 0;
  MPI_Initialized(&running);
  if (running != 0) MPI_Comm_rank(space(), &rank);
  const int tag = 1000 * (1000 * rank + ++world().serial);
  std::memset(id->internal, 0, sizeof id->internal);
  std::memcpy(id->internal, &tag, sizeof tag);
  return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int size, ncclUniqueId id, int rank, ncclConfig_t* config) {
  if (const ncclResult_t result = enter("ncclCommInitRankConfig"); result != ncclSuccess) return result;
  if (config->blocking != 0) forbid("a communicator that blocks");
  auto* const made = new ncclComm;
  made->team = world().team;
  if (made->team.empty()) {
    for (int other = 0; other < size; ++other) made->team.push_back(other);
  }
  made->rank = rank;
  made->device = world().device;
  std::memcpy(&made->tag, id.internal, sizeof made->tag);
  *comm = made;
  world().communicators.insert(made);
  // The GPU is one of this host's; every host has its own.
  char gpu[256] = {};
  gethostname(gpu, sizeof gpu - sizeof(int));
  std::memcpy(gpu + sizeof gpu - sizeof(int), &made->device, sizeof(int));
  made->kind = Kind::connect;
  made->called = Clock::now();
  begin_exchange(*made, gpu, sizeof gpu);
  return ncclInProgress;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* state) {
  if (!world().communicators.contains(comm)) {
    forbid("a look at a communicator that has ended");
    return ncclInvalidArgument;
  }
  *state = state_of(*comm);
  return ncclSuccess;
}

ncclResult_t ncclAllReduce(const void* from, void* to, size_t count, ncclDataType_t type, ncclRedOp_t operation,
                           ncclComm_t comm, cudaStream_t stream) {
  if (from != to || operation != ncclSum) forbid("a reduction that is no sum in place");
  return start(comm, "ncclAllReduce", type == ncclFloat64 ? Kind::sum_doubles : Kind::sum_floats, to, count, stream);
}

ncclResult_t ncclBroadcast(const void* from, void* to, size_t count, ncclDataType_t type, int root, ncclComm_t comm,
                           cudaStream_t stream) {
  if (from != to || type != ncclUint8) forbid("a broadcast that is not of bytes in place");
  if (world().communicators.contains(comm)) comm->root = root;
  return start(comm, "ncclBroadcast", Kind::broadcast, to, count, stream);
}

ncclResult_t ncclCommFinalize(ncclComm_t comm) {
  char nothing = 0;
  return start(comm, "ncclCommFinalize", Kind::finalize, &nothing, 1, nullptr);
}

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  if (const ncclResult_t result = enter("ncclCommDestroy"); result != ncclSuccess) return result;
  if (!comm->finalized) forbid("ncclCommDestroy before ncclCommFinalize was through");
  return end(comm);
}

ncclResult_t ncclCommAbort(ncclComm_t comm) {
  enter("ncclCommAbort");
  while (!world().behaviour.abort_ends) pause();
  return end(comm);
}

const char* ncclGetErrorString(ncclResult_t result) {
  switch (result) {
    case ncclSystemError:
      return "unhandled system error";
    case ncclInvalidUsage:
      return "invalid usage";
    case ncclRemoteError:
      return "remote process exited or there was a network error";
    default:
      return "another error";
  }
}

const char* ncclGetLastError(ncclComm_t) { return world().last_error.c_str(); }

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 8;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  *properties = {};
  std::strcpy(properties->name, "stand-in");
  properties->totalGlobalMem = std::size_t{4} << 30;
  return device < 8 ? cudaSuccess : cudaErrorInvalidDevice;
}

cudaError_t cudaDeviceGetPCIBusId(char* address, int length, int device) {
  std::snprintf(address, static_cast<std::size_t>(length), "0000:%02x:00.0", device);
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind) {
  std::memcpy(to, from, bytes);
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= 8) return cudaErrorInvalidDevice;
  world().device = device;
  return cudaSuccess;
}

cudaError_t cudaStreamQuery(cudaStream_t stream) { return state_of(stream); }

cudaError_t cudaMalloc(void** memory, size_t bytes) {
  *memory = std::malloc(bytes);
  world().blocks.insert(*memory);
  return cudaSuccess;
}

cudaError_t cudaFree(void* memory) {
  if (memory != nullptr && world().blocks.erase(memory) == 0) forbid("memory that was not allocated is freed");
  std::free(memory);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  if (world().busy.contains(stream)) forbid("a copy while a collective is at work on the stream");
  std::memcpy(to, from, bytes);
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  if (world().busy.contains(stream)) forbid("a fill while a collective is at work on the stream");
  std::memset(to, value, bytes);
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  while (state_of(stream) == cudaErrorNotReady) continue;
  return state_of(stream);
}

cudaError_t cudaGetLastError(void) { return cudaSuccess; }

const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaErrorIllegalAddress  ? "an illegal memory access was encountered"
         : error == cudaErrorInvalidDevice ? "invalid device ordinal"
                                           : "another error";
}

}  // extern "C"
