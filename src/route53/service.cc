// SPDX-License-Identifier: Apache-2.0
#include "route53/service.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace leeward::route53 {
namespace {

// "The request must reach Route 53 within 5 minutes of the timestamp in the request" (API
// reference, "Making API requests").
constexpr auto kAllowedSkew = std::chrono::minutes(5);
constexpr std::string_view kSigningRegion = "us-east-1";
constexpr std::size_t kWaitingMax = 1000;

std::pair<std::string_view, std::string_view> split_target(std::string_view target) {
  const std::size_t question = target.find('?');
  return {target.substr(0, question),
          question == std::string_view::npos ? std::string_view() : target.substr(question + 1)};
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view part = query.substr(0, end);
    const std::size_t equals = part.find('=');
    if (!part.empty()) {
      parameters.emplace_back(
          percent_decode(part.substr(0, equals)),
          equals == std::string_view::npos ? "" : percent_decode(part.substr(equals + 1)));
    }
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
  }
  return parameters;
}

// Without signatures a web page's scripts could call us through the browser of whoever runs this:
// they have an Origin, or a Host that a rebound name brought.
bool comes_from_a_page(const Request& request) {
  for (const auto& [name, value] : request.headers) {
    if (name == "origin") {
      return true;
    }
    if (name == "host") {
      std::string_view host = value;
      host = host.substr(0, host.starts_with('[') ? host.find(']') + 1 : host.find(':'));
      if (host != "localhost" && host != "[::1]" && !host.starts_with("127.")) {
        return true;
      }
    }
  }
  return false;
}

ApiError error_of(const sigv4::Fault& fault) {
  using Kind = sigv4::Fault::Kind;
  switch (fault.kind) {
    case Kind::kMissing:
      return {403, "MissingAuthenticationToken", "Missing Authentication Token"};
    case Kind::kIncomplete:
      return {400, "IncompleteSignature", fault.message};
    case Kind::kUnknownKey:
      return {403, "InvalidClientTokenId", fault.message};
    case Kind::kExpired:
    case Kind::kInvalid:
    case Kind::kMismatch:
      break;
  }
  return {403, "SignatureDoesNotMatch", fault.message};
}

HttpReply reply_of(const ApiError& error, const std::string& request_id) {
  HttpReply reply;
  reply.status = error.status;
  XmlWriter xml("ErrorResponse");
  xml.open("Error")
      .text("Type", error.status < 500 ? "Sender" : "Receiver")
      .text("Code", error.code)
      .text("Message", error.message);
  if (!error.messages.empty()) {
    xml.open("Messages");
    for (const std::string& message : error.messages) {
      xml.text("Message", message);
    }
    xml.close();
  }
  xml.close().text("RequestId", request_id);
  reply.body = xml.finish();
  reply.headers.emplace_back("x-amzn-RequestId", request_id);
  return reply;
}

HttpReply reply_of(const Reply& from, const std::string& request_id) {
  HttpReply reply{from.status, from.xml, {{"x-amzn-RequestId", request_id}}};
  if (!from.location.empty()) {
    reply.headers.emplace_back("Location", from.location);
  }
  return reply;
}

// What a change of these keys is about: answers, or what is checked.
bool concerns_dns(const std::vector<Mutation>& mutations) {
  return std::ranges::any_of(mutations, [](const Mutation& each) {
    const std::string_view rest = std::string_view(each.key).substr(kStorePrefix.size());
    return !rest.starts_with("change/") && !rest.starts_with("query-logging/") &&
           !rest.starts_with("delegation-set/") && !rest.starts_with("traffic-policy/");
  });
}

}  // namespace

Service::Service(state::Store& store, ServiceOptions options, Hooks hooks, std::uint64_t seed)
    : store_(store), hooks_(std::move(hooks)), rng_(seed) {
  reconfigure(std::move(options));
}

Result<std::unique_ptr<Service>> Service::open(state::Store& store, ServiceOptions options,
                                               Hooks hooks, std::uint64_t seed) {
  std::unique_ptr<Service> service(new Service(store, std::move(options), std::move(hooks), seed));
  // Zones first: record sets are put into theirs. "zone/" sorts after "rrset/".
  const std::string zones = fmt::format("{}zone/", kStorePrefix);
  for (const state::KeyRange& range :
       {state::KeyRange::prefix(zones), state::KeyRange::prefix(kStorePrefix)}) {
    ASSIGN_OR_RETURN(state::RangeResult found, store.read_now({range, 0}));
    for (state::KeyValue& each : found.values) {
      if (range.begin == zones || !each.key.starts_with(zones)) {
        RETURN_IF_ERROR(service->catalog_.apply({std::move(each.key), std::move(each.value)}));
      }
    }
  }
  for (auto& [id, change] : service->catalog_.changes) {
    change.in_sync = true;
  }
  return service;
}

void Service::reconfigure(ServiceOptions options) {
  options_ = std::move(options);
  keys_.clear();
  key_cache_ = {};
  for (const Credential& each : options_.credentials) {
    keys_.emplace(each.access_key_id, each.secret);
  }
}

std::expected<std::string, ApiError> Service::authenticate(const Request& request,
                                                           std::string_view path,
                                                           std::string_view query) {
  if (!options_.enabled) {
    return std::unexpected(ApiError{
        403, "AccessDenied", "the Route 53 API needs credentials here: set api.aws_credentials"});
  }
  if (keys_.empty()) {
    if (comes_from_a_page(request)) {
      return std::unexpected(
          ApiError{403, "AccessDenied",
                   "without api.aws_credentials this API answers programs on this machine, not web "
                   "pages"});
    }
    return std::string();
  }
  sigv4::ReceivedRequest received{request.method, path, query, {}, request.body};
  for (const auto& [name, value] : request.headers) {
    received.headers.push_back({name, value});
  }
  const sigv4::Scope scope{
      .region = std::string(kSigningRegion), .service = "route53", .allowed_skew = kAllowedSkew};
  sigv4::Verdict verdict = sigv4::verify(received, scope, keys_, key_cache_, hooks_.now());
  if (verdict.fault) {
    return std::unexpected(error_of(*verdict.fault));
  }
  return verdict.access_key_id;
}

std::expected<void, ApiError> Service::authorize(const std::string& access_key_id,
                                                 const Route& route) const {
  const auto found =
      std::ranges::find(options_.credentials, access_key_id, &Credential::access_key_id);
  if (route.writes && found != options_.credentials.end() && found->read_only) {
    return std::unexpected(ApiError{
        403, "AccessDenied",
        fmt::format("User: {} is not authorized to perform: route53:{}: its access is read-only",
                    access_key_id, route.name)});
  }
  return {};
}

OperationResult Service::run(const Request& request, const Match& match) {
  auto document = parse_xml(request.body);
  if (!document) {
    return std::unexpected(std::move(document).error());
  }
  const Call call{.catalog = catalog_,
                  .parameters = match.parameters,
                  .query = parse_query(split_target(request.target).second),
                  .body = document->document_element(),
                  .now = hooks_.now(),
                  .rng = rng_,
                  .views = *hooks_.views,
                  .name_servers = options_.name_servers,
                  .delete_used_health_checks = options_.delete_used_health_checks};
  return match.route->operation(call);
}

void Service::handle(Request request, std::function<void(HttpReply)> respond) {
  const std::string request_id = random_uuid(rng_);
  const auto [path, query] = split_target(request.target);
  auto identity = authenticate(request, path, query);
  if (!identity) {
    return respond(reply_of(identity.error(), request_id));
  }
  bool known = false;
  const auto match = find_route(request.method, path, known);
  if (!match) {
    return respond(reply_of(
        known ? ApiError{405, "MethodNotAllowed", "no operation has this method at this path"}
              : ApiError{404, "UnknownOperationException",
                         "there is no operation of Route 53's API (2013-04-01) at this path"},
        request_id));
  }
  if (auto allowed = authorize(*identity, *match->route); !allowed) {
    return respond(reply_of(allowed.error(), request_id));
  }
  if (!match->route->writes) {
    const OperationResult result = run(request, *match);
    return respond(result ? reply_of(result->reply, request_id)
                          : reply_of(result.error(), request_id));
  }
  if (waiting_.size() >= kWaitingMax) {
    return respond(
        reply_of(ApiError{400, "Throttling", "Rate exceeded: too many changes wait to be stored"},
                 request_id));
  }
  waiting_.push_back({std::move(request), std::move(respond), *std::move(identity), request_id});
  pump();
}

void Service::pump() {
  while (!under_way_ && !waiting_.empty()) {
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    bool known = false;
    const auto match =
        find_route(next.request.method, split_target(next.request.target).first, known);
    OperationResult result = run(next.request, *match);
    if (!result || result->mutations.empty()) {
      next.respond(result ? reply_of(result->reply, next.request_id)
                          : reply_of(result.error(), next.request_id));
      continue;
    }
    state::Transaction transaction;
    std::map<std::string_view, const Mutation*> last;  // a key may be changed once per transaction
    for (const Mutation& each : result->mutations) {
      last[each.key] = &each;
    }
    for (const auto& [key, mutation] : last) {
      if (mutation->value) {
        transaction.then.emplace_back(state::Put{mutation->key, *mutation->value});
      } else {
        transaction.then.emplace_back(state::Delete{state::KeyRange::one(mutation->key)});
      }
    }
    under_way_ = true;
    store_.transact(
        std::move(transaction), [this, next = std::move(next), outcome = *std::move(result)](
                                    const Result<state::TransactionResult>& done) mutable {
          stored(std::move(next), outcome, done ? Status() : Status(fail(done.error())));
        });
  }
}

void Service::stored(Waiting waiting, const Outcome& outcome, const Status& status) {
  under_way_ = false;
  if (!status) {
    return read_back(std::move(waiting), outcome, status.error());
  }
  for (const Mutation& mutation : outcome.mutations) {
    static_cast<void>(catalog_.apply(mutation));  // what was written can be read
  }
  waiting.respond(reply_of(outcome.reply, waiting.request_id));
  if (concerns_dns(outcome.mutations)) {
    hooks_.publish([this, id = outcome.change_id] { finish_change(id); });
  } else {
    finish_change(outcome.change_id);
  }
  pump();
}

// It may have happened all the same: what is in force is what the store says.
void Service::read_back(Waiting waiting, const Outcome& outcome, const Error& error) {
  state::Transaction transaction;
  for (const Mutation& each : outcome.mutations) {
    transaction.then.emplace_back(state::Range{state::KeyRange::one(each.key), 0});
  }
  under_way_ = true;
  store_.transact(
      std::move(transaction), [this, waiting = std::move(waiting), mutations = outcome.mutations,
                               error](const Result<state::TransactionResult>& result) mutable {
        under_way_ = false;
        for (std::size_t i = 0; result && i < mutations.size(); ++i) {
          const auto& values = result->results[i].range.values;
          static_cast<void>(catalog_.apply(
              {mutations[i].key,
               values.empty() ? std::nullopt : std::optional(values.front().value)}));
        }
        waiting.respond(
            reply_of(ApiError{503, "ServiceUnavailable",
                              fmt::format("the change could not be stored: {}", error.message)},
                     waiting.request_id));
        hooks_.publish([] {});
        pump();
      });
}

void Service::finish_change(const std::string& id) {
  if (const auto found = catalog_.changes.find(id); found != catalog_.changes.end()) {
    found->second.in_sync = true;
  }
}

}  // namespace leeward::route53
