#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "base/json_text.h"
#include "workflows/evaluation.h"
namespace sluice::orchestrator {
struct SourceItem {
  std::int64_t index = 0;
  std::string_view text;
  std::optional<std::string> key;
};
class ItemSource {
 public:
  explicit ItemSource(std::string text) : text_(std::move(text)) { slices_ = *scan_array(text_); }
  workflows::Evaluated<std::optional<SourceItem>> next() {
    if (at_ >= slices_.size()) return std::optional<SourceItem>();
    SourceItem item;
    item.index = static_cast<std::int64_t>(at_);
    item.text = slices_[at_++];
    return std::optional(item);
  }
  void skip(std::int64_t n) { at_ += static_cast<std::size_t>(n); }
  std::optional<std::int64_t> total() const { return static_cast<std::int64_t>(slices_.size()); }
  std::size_t memory_bytes() const { return text_.size() + slices_.size() * sizeof(std::string_view); }
 private:
  std::string text_;
  std::vector<std::string_view> slices_;
  std::size_t at_ = 0;
};
}  // namespace sluice::orchestrator
