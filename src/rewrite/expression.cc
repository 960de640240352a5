// SPDX-License-Identifier: Apache-2.0
#include "rewrite/expression.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace leeward::rewrite {
namespace {

namespace json = boost::json;

constexpr int kDepthMax = 100;

struct Token {
  std::string_view text;
  std::size_t at = 0;
};

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '#' || c == ':' ||
         c == '-';
}

std::string upper(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) {
    return static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  });
  return result;
}

Result<std::vector<Token>> tokenize(std::string_view text) {
  if (text.size() > kExpressionBytesMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("Expression size has exceeded the maximum allowed size; expression "
                            "size: {}",
                            text.size()));
  }
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++i;
      continue;
    }
    std::size_t end = i + 1;
    if (is_word(c) && c != '-') {
      while (end < text.size() && is_word(text[end])) {
        // A minus is an operator, unless it stands within a name such as #my-name.
        if (text[end] == '-' && c != '#' && c != ':') {
          break;
        }
        ++end;
      }
    } else if (c == '<' || c == '>') {
      end += end < text.size() && (text[end] == '=' || (c == '<' && text[end] == '>')) ? 1U : 0U;
    } else if (std::string_view("=(),.[]+-").find(c) == std::string_view::npos) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("Syntax error; unexpected character at position {}", i));
    }
    tokens.push_back({text.substr(i, end - i), i});
    i = end;
  }
  return tokens;
}

bool is_name(std::string_view token) {
  return std::isalpha(static_cast<unsigned char>(token.front())) != 0 || token.front() == '_' ||
         token.front() == '#';
}

bool is_keyword(std::string_view token) {
  const std::string word = upper(token);
  for (const char* keyword :
       {"AND", "OR", "NOT", "BETWEEN", "IN", "SET", "REMOVE", "ADD", "DELETE"}) {
    if (word == keyword) {
      return true;
    }
  }
  return false;
}

// What an operand is, seen from an item that does not exist: a value, or missing.
using Operand = std::optional<json::value>;

class AbsentItem {
 public:
  AbsentItem(std::vector<Token> tokens, const json::object* values)
      : tokens_(std::move(tokens)), values_(values) {}

  Result<bool> evaluate() {
    const bool result = disjunction(0);
    if (problem_.empty() && next_ != tokens_.size()) {
      problem("end of the expression");
    }
    if (!problem_.empty()) {
      return fail(ErrorCode::kInvalidArgument, problem_);
    }
    return result;
  }

 private:
  [[nodiscard]] std::string_view peek(std::size_t ahead = 0) const {
    return next_ + ahead < tokens_.size() ? tokens_[next_ + ahead].text : std::string_view();
  }
  bool take(std::string_view text) {
    if (peek() != text) {
      return false;
    }
    ++next_;
    return true;
  }
  bool take_keyword(std::string_view keyword) {
    if (peek().empty() || upper(peek()) != keyword) {
      return false;
    }
    ++next_;
    return true;
  }
  void expect(std::string_view text) {
    if (!take(text)) {
      problem(text);
    }
  }
  void problem(std::string_view expected) {
    if (problem_.empty()) {
      problem_ = fmt::format("Syntax error; expected {} at token '{}'", expected, peek());
    }
    next_ = tokens_.size();
  }

  // Both sides are always parsed: what follows must be found in its place.
  bool disjunction(int depth) {
    if (depth > kDepthMax) {
      problem("less nesting");
      return false;
    }
    bool result = conjunction(depth);
    while (take_keyword("OR")) {
      const bool right = conjunction(depth);
      result = result || right;
    }
    return result;
  }
  bool conjunction(int depth) {
    bool result = negation(depth);
    while (take_keyword("AND")) {
      const bool right = negation(depth);
      result = result && right;
    }
    return result;
  }
  bool negation(int depth) {
    bool negated = false;
    while (take_keyword("NOT")) {
      negated = !negated;
    }
    return primary(depth) != negated;
  }
  bool primary(int depth) {
    if (take("(")) {
      // A parenthesis may hold a condition, or an operand.
      const bool result = disjunction(depth + 1);
      expect(")");
      return result;
    }
    if (peek(1) == "(" && peek() != "size") {
      return function();
    }
    const Operand left = operand();
    return comparison(left);
  }
  bool function() {
    const std::string name(peek());
    next_ += 2;
    static_cast<void>(operand());
    if (name == "attribute_exists" || name == "attribute_not_exists") {
      expect(")");
      return name == "attribute_not_exists";
    }
    if (name != "attribute_type" && name != "begins_with" && name != "contains") {
      problem("a function");
      return false;
    }
    expect(",");
    static_cast<void>(operand());
    expect(")");
    return false;
  }
  bool comparison(const Operand& left) {
    if (take_keyword("BETWEEN")) {
      const Operand low = operand();
      if (!take_keyword("AND")) {
        problem("AND");
      }
      const Operand high = operand();
      return compares(left, ">=", low) && compares(left, "<=", high);
    }
    if (take_keyword("IN")) {
      expect("(");
      bool found = false;
      do {
        found = compares(left, "=", operand()) || found;
      } while (problem_.empty() && take(","));
      expect(")");
      return found;
    }
    const std::string op(peek());
    for (const char* known : {"=", "<>", "<", "<=", ">", ">="}) {
      if (op == known) {
        ++next_;
        return compares(left, op, operand());
      }
    }
    problem("a comparison");
    return false;
  }

  Operand operand() {
    if (take("(")) {
      Operand inner = operand();
      expect(")");
      return inner;
    }
    if (peek() == "size" && peek(1) == "(") {
      next_ += 2;
      const Operand inner = operand();
      expect(")");
      return std::nullopt;  // of a missing attribute; of a value the store says what it thinks
    }
    const std::string_view token = peek();
    if (!token.empty() && token.front() == ':') {
      ++next_;
      const json::value* value =
          values_ == nullptr ? nullptr
                             : values_->if_contains(json::string_view(token.data(), token.size()));
      return value == nullptr ? std::nullopt : Operand(*value);
    }
    if (token.empty() || !is_name(token) || is_keyword(token)) {
      problem("an operand");
      return std::nullopt;
    }
    ++next_;
    while (problem_.empty() && (peek() == "." || peek() == "[")) {
      const bool element = take("[");
      if (!element) {
        ++next_;
      }
      if (peek().empty()) {
        problem("a path");
      } else {
        ++next_;
      }
      if (element) {
        expect("]");
      }
    }
    return std::nullopt;
  }

  // Nothing compares with what is missing, except that it is different.
  static bool compares(const Operand& left, std::string_view op, const Operand& right) {
    if (!left || !right) {
      return op == "<>";
    }
    const int order = order_of(*left, *right);
    if (op == "=") {
      return *left == *right || order == 0;
    }
    if (op == "<>") {
      return !(*left == *right || order == 0);
    }
    if (order == kUnordered) {
      return false;
    }
    return op == "<" ? order < 0 : op == "<=" ? order <= 0 : op == ">" ? order > 0 : order >= 0;
  }
  static constexpr int kUnordered = 2;
  static int order_of(const json::value& left, const json::value& right) {
    const json::object* a = left.if_object();
    const json::object* b = right.if_object();
    if (a == nullptr || b == nullptr || a->size() != 1 || b->size() != 1 ||
        a->begin()->key() != b->begin()->key() || !a->begin()->value().is_string() ||
        !b->begin()->value().is_string()) {
      return kUnordered;
    }
    const std::string_view x = a->begin()->value().get_string();
    const std::string_view y = b->begin()->value().get_string();
    if (a->begin()->key() == "N") {
      double m = 0;
      double n = 0;
      std::from_chars(x.data(), x.data() + x.size(), m);
      std::from_chars(y.data(), y.data() + y.size(), n);
      return m < n ? -1 : m > n ? 1 : 0;
    }
    const int order = x.compare(y);
    return order < 0 ? -1 : order > 0 ? 1 : 0;
  }

  std::vector<Token> tokens_;
  const json::object* values_;
  std::size_t next_ = 0;
  std::string problem_;
};

}  // namespace

Result<std::vector<std::string>> root_attributes(std::string_view expression,
                                                 const json::object* names) {
  ASSIGN_OR_RETURN(const auto tokens, tokenize(expression));
  std::vector<std::string> roots;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::string_view token = tokens[i].text;
    const bool nested = i > 0 && tokens[i - 1].text == ".";
    const bool called = i + 1 < tokens.size() && tokens[i + 1].text == "(";
    if (!is_name(token) || nested || called || is_keyword(token)) {
      continue;
    }
    if (token.front() == '#') {
      const json::value* name =
          names == nullptr ? nullptr
                           : names->if_contains(json::string_view(token.data(), token.size()));
      if (name != nullptr && name->is_string()) {
        roots.emplace_back(name->get_string());
      }
      continue;
    }
    roots.emplace_back(token);
  }
  return roots;
}

Result<bool> holds_when_absent(std::string_view condition, const json::object* values) {
  ASSIGN_OR_RETURN(auto tokens, tokenize(condition));
  return AbsentItem(std::move(tokens), values).evaluate();
}

std::string parenthesized(std::string_view expression) {
  const auto tokens = tokenize(expression);
  bool enclosed = tokens && !tokens->empty() && tokens->front().text == "(";
  int depth = 0;
  for (std::size_t i = 0; enclosed && i < tokens->size(); ++i) {
    const std::string_view token = (*tokens)[i].text;
    depth += token == "(" ? 1 : token == ")" ? -1 : 0;
    enclosed = (depth == 0) == (i + 1 == tokens->size());
  }
  return enclosed ? std::string(expression) : fmt::format("({})", expression);
}

Result<UpdateClauses> split_update(std::string_view expression) {
  ASSIGN_OR_RETURN(const auto tokens, tokenize(expression));
  UpdateClauses clauses;
  std::string* clause = nullptr;
  std::size_t begin = 0;
  bool hollow = tokens.empty();
  const auto close = [&](std::size_t end) {
    if (clause != nullptr) {
      std::string_view text = expression.substr(begin, end - begin);
      while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) {
        text.remove_suffix(1);
      }
      hollow = hollow || text.empty();
      *clause = std::string(text);
    }
  };
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::string word = upper(tokens[i].text);
    const bool nested = i > 0 && tokens[i - 1].text == ".";
    std::string* const next = nested             ? nullptr
                              : word == "SET"    ? &clauses.set
                              : word == "REMOVE" ? &clauses.remove
                              : word == "ADD"    ? &clauses.add
                              : word == "DELETE" ? &clauses.del
                                                 : nullptr;
    if (next == nullptr) {
      if (clause == nullptr) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("Syntax error; token: \"{}\"", tokens[i].text));
      }
      continue;
    }
    close(tokens[i].at);
    if (!next->empty() || next == clause) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("The \"{}\" section can only be used once in an update expression", word));
    }
    clause = next;
    begin = tokens[i].at + tokens[i].text.size();
  }
  close(expression.size());
  if (hollow) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("Syntax error; a section is empty, near: \"{}\"", expression));
  }
  return clauses;
}

std::string join_update(const UpdateClauses& clauses) {
  std::string text;
  for (const auto& [keyword, clause] :
       {std::pair{"SET", &clauses.set}, std::pair{"REMOVE", &clauses.remove},
        std::pair{"ADD", &clauses.add}, std::pair{"DELETE", &clauses.del}}) {
    if (!clause->empty()) {
      text += fmt::format("{}{} {}", text.empty() ? "" : " ", keyword, *clause);
    }
  }
  return text;
}

}  // namespace leeward::rewrite
