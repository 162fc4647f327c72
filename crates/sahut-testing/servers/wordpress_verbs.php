<?php
// What a test does to the site: php wordpress_verbs.php VERB ARGUMENT...
// Prints a new thing's id, or the fields of a list: each field ends with 0x1F, each row with 0x1E.
$verb = $argv[1];
$arguments = array_slice($argv, 2);
$_SERVER['HTTP_HOST'] = 'localhost';
if ($verb === 'install') {
    define('WP_INSTALLING', true);
}
require ABSPATH . 'wp-load.php';

function install(string $user): string
{
    require_once ABSPATH . 'wp-admin/includes/upgrade.php';
    $site = wp_install('Situs OPD', $user, "$user@kabupaten.test", true, '', wp_generate_password(24));
    update_option('timezone_string', 'Asia/Jakarta');
    update_option('permalink_structure', '/%postname%/');
    foreach (get_posts(['post_type' => 'any', 'numberposts' => -1]) as $sample) {
        wp_delete_post($sample->ID, true);
    }
    return WP_Application_Passwords::create_new_application_password($site['user_id'], ['name' => 'sahut'])[0];
}

function publish_post(string $title): int
{
    return wp_insert_post(['post_title' => $title, 'post_content' => $title, 'post_status' => 'publish']);
}

function comment(string $post, string $parent, string $author, string $text, string $approved): int
{
    return wp_insert_comment(wp_slash([
        'comment_post_ID' => (int) $post,
        'comment_parent' => (int) $parent,
        'comment_author' => $author,
        'comment_author_email' => 'warga@contoh.test',
        'comment_content' => $text,
        'comment_approved' => (int) $approved,
    ]));
}

function set_status(string $comment, string $status): int
{
    return (int) wp_set_comment_status((int) $comment, $status);
}

function edit(string $comment, string $text): int
{
    return wp_update_comment(wp_slash(['comment_ID' => (int) $comment, 'comment_content' => $text]));
}

function comments(): string
{
    $rows = '';
    foreach (get_comments(['status' => 'any', 'orderby' => 'comment_ID', 'order' => 'ASC']) as $comment) {
        $fields = [
            $comment->comment_ID,
            $comment->comment_post_ID,
            $comment->comment_parent,
            wp_get_comment_status($comment),
            $comment->comment_author,
            $comment->comment_content,
        ];
        $rows .= implode("\x1F", $fields) . "\x1F\x1E";
    }
    return $rows;
}

wp_set_current_user(1);
echo $verb(...$arguments);
