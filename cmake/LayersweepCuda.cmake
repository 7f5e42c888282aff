# The GPU back end's needs: headers of the CUDA runtime and of NCCL, and the very libraries that LibTorch loads, since two
# copies of either in one process do not know of each other. Host code only: no nvcc is needed.
#
#   LAYERSWEEP_CUDA = AUTO (where all is found), ON (must be found), OFF
#   gives LAYERSWEEP_HAS_CUDA and the targets layersweep_cudart, layersweep_nccl
#
# They are looked for where LibTorch's libraries look for theirs (the packages beside a PyPI wheel: scripts/setup.sh --cuda),
# then in a toolkit: CUDAToolkit_ROOT, CUDA_HOME, CUDA_PATH, /usr/local/cuda.

set(LAYERSWEEP_CUDA AUTO CACHE STRING "GPU back end: AUTO (where CUDA and NCCL are found), ON (must be found), OFF")
set_property(CACHE LAYERSWEEP_CUDA PROPERTY STRINGS AUTO ON OFF)

# Sets `missing` to what is absent, else makes the targets.
function(layersweep_find_cuda missing)
  get_filename_component(root ${torch_root} REALPATH)
  set(lib ${root}/lib)
  if(NOT EXISTS ${lib}/libtorch_cuda.so OR NOT EXISTS ${lib}/libc10_cuda.so)
    set(${missing} "this LibTorch was built without CUDA" PARENT_SCOPE)
    return()
  endif()

  # LibTorch's own needs name the libraries: libcudart.so.<major>, libnccl.so.2.
  set(sonames "")
  foreach(library libtorch_cuda.so libc10_cuda.so)
    execute_process(COMMAND ${CMAKE_READELF} -d ${lib}/${library} OUTPUT_VARIABLE needed ERROR_QUIET)
    string(APPEND sonames "${needed}")
  endforeach()
  foreach(name cudart nccl)
    string(REGEX MATCH "lib${name}\\.so\\.[0-9]+" ${name}_soname "${sonames}")
    if(NOT ${name}_soname)
      set(${missing} "this LibTorch loads no lib${name}.so (built into it?), and a second copy is not wanted" PARENT_SCOPE)
      return()
    endif()
  endforeach()

  file(GLOB beside LIST_DIRECTORIES true ${root}/../nvidia/*)  # nvidia/cu13, nvidia/nccl, …
  set(toolkit ${CUDAToolkit_ROOT} $ENV{CUDAToolkit_ROOT} $ENV{CUDA_HOME} $ENV{CUDA_PATH} /usr/local/cuda)
  set(places HINTS ${lib} ${beside} ${toolkit} NO_DEFAULT_PATH)
  # crt/host_defines.h is a package of its own beside a wheel; without it the runtime's header is of no use.
  find_path(LAYERSWEEP_CUDA_CRT_INCLUDE crt/host_defines.h PATH_SUFFIXES include ${places})
  find_path(LAYERSWEEP_CUDA_INCLUDE cuda_runtime_api.h PATH_SUFFIXES include ${places})
  find_path(LAYERSWEEP_NCCL_INCLUDE nccl.h PATH_SUFFIXES include ${places})
  find_library(LAYERSWEEP_CUDART NAMES ${cudart_soname} PATH_SUFFIXES lib lib64 ${places})
  find_library(LAYERSWEEP_NCCL NAMES ${nccl_soname} PATH_SUFFIXES lib lib64 ${places})
  set(absent "")
  foreach(found LAYERSWEEP_CUDA_CRT_INCLUDE:crt/host_defines.h LAYERSWEEP_CUDA_INCLUDE:cuda_runtime_api.h
                LAYERSWEEP_NCCL_INCLUDE:nccl.h LAYERSWEEP_CUDART:${cudart_soname} LAYERSWEEP_NCCL:${nccl_soname})
    string(REPLACE ":" ";" found ${found})
    list(GET found 0 variable)
    list(GET found 1 file)
    mark_as_advanced(${variable})
    if(NOT ${variable})
      list(APPEND absent ${file})
    endif()
  endforeach()
  if(absent)
    list(JOIN absent ", " absent)
    set(${missing} "no ${absent} found" PARENT_SCOPE)
    return()
  endif()

  set(folders "")
  foreach(name cudart nccl)
    string(TOUPPER LAYERSWEEP_${name} library)
    get_filename_component(folder ${${library}} DIRECTORY)
    list(APPEND folders -Wl,-rpath,${folder})  # the runtime's first: a toolkit that lends its NCCL has a runtime of its own
    add_library(layersweep_${name} INTERFACE)
    # Only executables that call it load it.
    target_link_libraries(layersweep_${name} INTERFACE -Wl,--push-state,--as-needed ${${library}} -Wl,--pop-state)
    target_link_options(layersweep_${name} INTERFACE ${folders})
  endforeach()
  target_include_directories(layersweep_cudart SYSTEM INTERFACE ${LAYERSWEEP_CUDA_INCLUDE} ${LAYERSWEEP_CUDA_CRT_INCLUDE})
  target_include_directories(layersweep_nccl SYSTEM INTERFACE ${LAYERSWEEP_NCCL_INCLUDE})
  target_link_libraries(layersweep_nccl INTERFACE layersweep_cudart)
  set(${missing} "" PARENT_SCOPE)
endfunction()

set(LAYERSWEEP_HAS_CUDA OFF)
set(LAYERSWEEP_CUDA_TEXT "off")
if(LAYERSWEEP_CUDA)
  layersweep_find_cuda(missing)
  if(NOT missing)
    set(LAYERSWEEP_HAS_CUDA ON)
    set(LAYERSWEEP_CUDA_TEXT "${LAYERSWEEP_CUDART}, ${LAYERSWEEP_NCCL}")
  elseif(LAYERSWEEP_CUDA STREQUAL "AUTO")
    set(LAYERSWEEP_CUDA_TEXT "off: ${missing}")
  else()
    message(FATAL_ERROR "LAYERSWEEP_CUDA is ${LAYERSWEEP_CUDA}, but ${missing}. scripts/setup.sh --cuda fetches what the LibTorch "
                        "of .deps needs; a toolkit elsewhere is named by CUDAToolkit_ROOT")
  endif()
endif()
