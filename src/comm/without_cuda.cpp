// A build without CUDA and NCCL: whoever makes a DeviceTeam is told so.
#include "base/error.hpp"
#include "comm/nccl_communicator.hpp"
#include "comm/nccl_versions.hpp"

namespace layersweep::comm {
namespace {

[[noreturn]] void refuse() {
  throw DeviceError("this build has no CUDA back end", {},
                    "Configure with -DLAYERSWEEP_CUDA=ON, which tells what is missing, or use run.device = cpu");
}

}  // namespace

struct NcclCommunicator::State {};

void NcclCommunicator::require_library() { refuse(); }
std::string NcclCommunicator::make_id() { refuse(); }
NcclCommunicator::NcclCommunicator(const std::string&, int, int, int) { refuse(); }
NcclCommunicator::~NcclCommunicator() = default;
bool NcclCommunicator::is_ready() const { refuse(); }
void NcclCommunicator::start_sum(DeviceSpan<float>, DeviceStream) { refuse(); }
void NcclCommunicator::start_sum(DeviceSpan<double>, DeviceStream) { refuse(); }
void NcclCommunicator::start_broadcast(DeviceSpan<std::byte>, int, DeviceStream) { refuse(); }
void NcclCommunicator::start_finalize() { refuse(); }
void NcclCommunicator::destroy() { refuse(); }
void NcclCommunicator::abort() noexcept {}

void use_device(int) { refuse(); }
bool is_idle(DeviceStream) { refuse(); }

DeviceBuffer::DeviceBuffer(std::size_t count) : count_(count) { refuse(); }
DeviceBuffer::~DeviceBuffer() = default;
void DeviceBuffer::copy_from(const float*, DeviceStream) { refuse(); }
void DeviceBuffer::clear(DeviceStream) { refuse(); }

std::optional<NcclVersions> nccl_versions() { return {}; }

}  // namespace layersweep::comm
