# Run at every build: fills the commit into build_info.cpp; the file is only touched when the commit changed.
# Needs SOURCE_DIR, TEMPLATE (configured but for the commit) and OUTPUT.
set(LAYERSWEEP_COMMIT unknown)
find_program(GIT git)
if(GIT AND EXISTS ${SOURCE_DIR}/.git)
  # No optional locks: a build must not disturb somebody's git command in the same checkout.
  execute_process(COMMAND ${GIT} --no-optional-locks describe --always --dirty --abbrev=12 --exclude=*
                  WORKING_DIRECTORY ${SOURCE_DIR} OUTPUT_VARIABLE described RESULT_VARIABLE failed
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(NOT failed)
    set(LAYERSWEEP_COMMIT ${described})
  endif()
endif()
configure_file(${TEMPLATE} ${OUTPUT} @ONLY)
