// Variables of a definition: which names an Assign may give, and in which States object a name
// lives.
//
// Each States object is a scope. What stands inside a Parallel or Map reads the variables around it
// but may not assign them: a name that is assigned in an outer scope is refused in an inner one,
// since whoever reads it could not tell which is meant. What the Parallel or Map itself assigns
// does not count: when it does, all inside has ended. The states of a distributed Map's processor
// run on their own and see none of the variables around them, so they may use any name.
//
// Not thread-safe; belongs to one compile().
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/parse_context.h"
#include "workflows/state_index.h"
#include "workflows/value.h"

namespace sluice::workflows {

inline constexpr std::size_t variable_characters_max = 80;

class VariableScopes {
 public:
  using Index = std::size_t;
  static constexpr Index none = std::numeric_limits<Index>::max();

  // The scope of the States object of `parent`, inside of the scope `around`; none: it sees no
  // other.
  Index open(Index around, StateIndex parent);
  // Notes what the Assign object at `pointer`, of the state `by`, gives, and reports names that no
  // variable can have.
  void assign(ParseContext& context, Index scope, StateIndex by, QueryLanguage language,
              const Json& object, std::string_view pointer);
  // Reports names that an outer scope assigns as well. REQUIRES: every Assign has been noted.
  void check(ParseContext& context) const;

 private:
  struct Assigned {
    std::string name;
    std::string pointer;
    StateIndex by = no_state;
  };
  struct Scope {
    Index around = none;
    StateIndex parent = no_state;
    std::vector<Assigned> assigned;
  };
  std::vector<Scope> scopes_;
};

}  // namespace sluice::workflows
