// QuickFIX's own C++ acceptor, answering as the others do: `quickfix_cpp SETTINGS PORT`, served until terminated.
//
// Reads the same fields of an order and writes the same fields as `answering.answer_fields`; single-threaded
// SocketAcceptor, file store, dictionary on. C++14: its headers of 1.15 say what they throw, as later standards refuse to.

#include <quickfix/Application.h>
#include <quickfix/FileStore.h>
#include <quickfix/Message.h>
#include <quickfix/Session.h>
#include <quickfix/SessionSettings.h>
#include <quickfix/SocketAcceptor.h>

#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <string>

namespace {

std::string stamp() {
    return FIX::UtcTimeStampConvertor::convert(FIX::UtcTimeStamp(), 3);
}

class Answering : public FIX::Application {
    void onCreate(const FIX::SessionID&) override {}
    void onLogon(const FIX::SessionID&) override {}
    void onLogout(const FIX::SessionID&) override {}
    void toAdmin(FIX::Message&, const FIX::SessionID&) override {}
    void fromAdmin(const FIX::Message&, const FIX::SessionID&) throw(
        FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue, FIX::RejectLogon) override {}
    void toApp(FIX::Message&, const FIX::SessionID&) throw(FIX::DoNotSend) override {}

    void fromApp(const FIX::Message& order, const FIX::SessionID& session) throw(
        FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue,
        FIX::UnsupportedMessageType) override {
        if (order.getHeader().getField(35) != "D") return;
        char number[16];
        std::snprintf(number, sizeof number, "%06ld", ++answered_);
        FIX::Message answer;
        answer.getHeader().setField(35, "8");
        answer.setField(37, std::string("O") + number);
        answer.setField(17, std::string("X") + number);
        answer.setField(150, "0");
        answer.setField(39, "0");
        for (int tag : {11, 1, 55, 48, 22, 54, 38, 40, 44, 59, 15}) answer.setField(tag, order.getField(tag));
        answer.setField(151, order.getField(38));
        answer.setField(14, "0");
        answer.setField(6, "0");
        answer.setField(60, stamp());
        FIX::Session::sendToTarget(answer, session);
    }

    long answered_ = 0;
};

}  // namespace

int main(int, char** arguments) {
    try {
        FIX::SessionSettings settings(arguments[1]);
        Answering application;
        FIX::FileStoreFactory store(settings);
        FIX::SocketAcceptor acceptor(application, store, settings);
        acceptor.start();
        std::cout << "port " << arguments[2] << std::endl;
        for (;;) pause();
    } catch (const std::exception& error) {
        std::cerr << error.what() << std::endl;
        return 1;
    }
}
