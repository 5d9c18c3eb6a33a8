#include "comm/backend.hpp"

#include "comm/named_table.hpp"

namespace moe {

const BackendEntry& find_backend(std::string_view name) {
    return find_named(backend_table(), name, "backend");
}

}  // namespace moe
