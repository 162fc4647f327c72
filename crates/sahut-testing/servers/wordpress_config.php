<?php
// An office's website on its server's database, open to nobody else.
define('DB_NAME', 'wordpress');
define('DB_USER', 'root');
define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:@SOCKET@');
define('DB_CHARSET', 'utf8mb4');
define('WP_HOME', '@URL@');
define('WP_SITEURL', '@URL@');
define('WP_CONTENT_DIR', '/var/lib/wordpress/wp-content');
// Application passwords work without HTTPS only here.
define('WP_ENVIRONMENT_TYPE', 'local');
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('DISABLE_WP_CRON', true);
$table_prefix = 'wp_';
require_once ABSPATH . 'wp-settings.php';
