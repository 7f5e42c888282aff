// Texts as exactly one word: of a shell command, of an #SBATCH line. Whatever a path or a setting holds, it stays data.
#pragma once

#include <string>
#include <string_view>

namespace layersweep::submit {

/// One word of a POSIX shell; left bare where nothing in it means anything to a shell.
std::string shell_quoted(std::string_view text);

/// One word of an #SBATCH line, which sbatch reads with rules of its own. Throws UsageError for
/// line breaks and other control characters, which would end the line; `what` names the value.
std::string sbatch_quoted(std::string_view text, std::string_view what);

/// The same for the name of a log file, in which % stands for itself. Throws also for backslashes.
std::string sbatch_file_quoted(std::string_view text, std::string_view what);

}  // namespace layersweep::submit
