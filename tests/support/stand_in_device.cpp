// On the dispatch key that LibTorch keeps for devices from elsewhere. What has no kernel of its own here is computed by
// at::native::cpu_fallback on copies, and copies are the only place where the device's memory is open.
#include "support/stand_in_device.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/EmptyTensor.h>
#include <ATen/core/Tensor.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/unfold_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <sys/mman.h>
#include <torch/library.h>

#include <atomic>
#include <limits>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>

namespace layersweep::test {
namespace {

constexpr auto type = c10::DeviceType::PrivateUse1;
constexpr std::size_t page = 4096;
std::atomic<std::int64_t> operations{0};
std::atomic<std::size_t> largest{std::numeric_limits<std::size_t>::max()};

void require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error("the stand-in device: " + what);
}

// Whole pages for every tensor, open to nobody unless somebody holds them open.
class Memory final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    if (bytes > largest) C10_THROW_ERROR(OutOfMemoryError, "the stand-in device has no memory for it");
    const std::size_t size = (bytes / page + 1) * page;
    void* const start = ::mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    require(start != MAP_FAILED, "out of memory");
    const std::lock_guard lock(mutex_);
    pieces_[start] = {size, 0};
    return {start, start, &release, stand_in_device()};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void*, const void*, std::size_t) const override { require(false, "a copy of bytes"); }

  void open(void* start) {
    const std::lock_guard lock(mutex_);
    Piece& piece = pieces_.at(start);
    if (piece.holders++ == 0) ::mprotect(start, piece.size, PROT_READ | PROT_WRITE);
  }
  void close(void* start) {
    const std::lock_guard lock(mutex_);
    Piece& piece = pieces_.at(start);
    if (--piece.holders == 0) ::mprotect(start, piece.size, PROT_NONE);
  }

 private:
  struct Piece {
    std::size_t size = 0;
    int holders = 0;
  };
  static void release(void* start);

  std::mutex mutex_;
  std::map<void*, Piece> pieces_;
};

Memory& memory() {
  static Memory* const memory = new Memory;  // outlives tensors that are static
  return *memory;
}

void Memory::release(void* start) {
  const std::lock_guard lock(memory().mutex_);
  const auto found = memory().pieces_.find(start);
  ::munmap(start, found->second.size);
  memory().pieces_.erase(found);
}

// A tensor of this device, or of the host, as one of the host, for as long as it lives.
class OnHost {
 public:
  explicit OnHost(const at::Tensor& tensor) : tensor_(tensor) {
    if (tensor.device().type() != type) return;
    start_ = tensor.storage().data_ptr().get();
    memory().open(start_);
    tensor_ = at::from_blob(tensor.data_ptr(), tensor.sizes(), tensor.strides(), tensor.options().device(at::kCPU));
  }
  ~OnHost() {
    if (start_ != nullptr) memory().close(start_);
  }
  OnHost(const OnHost&) = delete;
  OnHost& operator=(const OnHost&) = delete;
  const at::Tensor& tensor() const { return tensor_; }

 private:
  void* start_ = nullptr;
  at::Tensor tensor_;
};

at::Tensor empty(at::IntArrayRef size, std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
                 std::optional<at::Device>, std::optional<bool>, std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(size, &memory(), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                   c10::dtype_or_default(dtype), format);
}

at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride, std::optional<at::ScalarType> dtype,
                         std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(size, stride, &memory(), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                           c10::dtype_or_default(dtype));
}

at::Tensor copy_from(const at::Tensor& from, const at::Tensor& to, bool) {
  const OnHost source(from), target(to);
  at::Tensor(target.tensor()).copy_(source.tensor());
  return to;
}

at::Tensor copy_from_and_resize(const at::Tensor& from, const at::Tensor& to) {
  if (from.sizes() != to.sizes()) {
    require(to.device().type() == type, "a tensor of the host to be resized");
    const at::Tensor fresh = empty(from.sizes(), to.scalar_type(), {}, {}, {}, {});
    to.unsafeGetTensorImpl()->set_storage_keep_dtype(fresh.storage());
    to.unsafeGetTensorImpl()->set_sizes_contiguous(from.sizes());
  }
  return copy_from(from, to, false);
}

void check_place(const c10::OperatorHandle& op, const at::Tensor& tensor) {
  if (!tensor.defined() || tensor.device().type() == type || tensor.dim() == 0) return;
  require(false, c10::toString(op.operator_name()) + " was given a tensor of the host beside one of the device");
}

void compute(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  ++operations;
  for (const c10::IValue& argument : torch::jit::last(*stack, op.schema().arguments().size())) {
    if (argument.isTensor()) check_place(op, argument.toTensor());
    if (argument.isTensorList()) {
      for (const at::Tensor& tensor : argument.toTensorVector()) check_place(op, tensor);
    }
    if (argument.isOptionalTensorList()) {
      for (const std::optional<at::Tensor>& tensor : argument.toOptionalTensorList().vec()) {
        if (tensor) check_place(op, *tensor);
      }
    }
  }
  at::native::cpu_fallback(op, stack, /*error_on_views=*/true);
}

struct Guard final : c10::impl::NoOpDeviceGuardImpl<type> {
  at::Device exchangeDevice(at::Device) const override { return stand_in_device(); }
  at::Device getDevice() const override { return stand_in_device(); }
  c10::Stream getStream(at::Device) const noexcept override { return c10::Stream(c10::Stream::DEFAULT, stand_in_device()); }
  c10::Stream exchangeStream(c10::Stream) const noexcept override {
    return c10::Stream(c10::Stream::DEFAULT, stand_in_device());
  }
};
C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard)

struct Hooks final : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  // at::manual_seed asks every device; this one draws nothing.
  const at::Generator& getDefaultGenerator(c10::DeviceIndex) const override { return at::detail::getDefaultCPUGenerator(); }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  void setCurrentDevice(c10::DeviceIndex) const override {}
  at::Device getDeviceFromPtr(void*) const override { return stand_in_device(); }
};

const bool registered = [] {
  c10::register_privateuse1_backend("stand_in");
  c10::SetAllocator(type, &memory());
  at::RegisterPrivateUse1HooksInterface(new Hooks);
  return true;
}();

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) { library.fallback(torch::CppFunction::makeFromBoxedFunction<&compute>()); }

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("empty.memory_format", &empty);
  library.impl("empty_strided", &empty_strided);
  library.impl("_copy_from", &copy_from);
  library.impl("_copy_from_and_resize", &copy_from_and_resize);
  library.impl("as_strided", &at::native::as_strided_tensorimpl);
  library.impl("view", &at::native::view);
  library.impl("_reshape_alias", &at::native::_reshape_alias);
  library.impl("unfold", &at::native::unfold);
  // Made of other operations where a device has none; here it is to round as on CPUs.
  library.impl("native_layer_norm", torch::CppFunction::makeFromBoxedFunction<&compute>());
}

}  // namespace

at::Device stand_in_device() { return {type, 0}; }

void limit_stand_in_memory(std::int64_t bytes) { largest = static_cast<std::size_t>(bytes); }

std::int64_t stand_in_operations() { return operations; }

}  // namespace layersweep::test
